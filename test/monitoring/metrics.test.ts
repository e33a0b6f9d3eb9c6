import { beforeEach, expect, it } from 'vitest';
import type { LinkStatus, VerifyStatus } from '../../domain/gates/status.ts';
import { createMetrics, type Metrics } from '../../monitoring/metrics.ts';
import { exampleProgress } from '../support/plans/example-progress.ts';
import { exampleSnapshot, SUSPECT, type World } from '../support/plans/example-snapshot.ts';
import { exposed } from '../support/monitoring/exposition.ts';
import { BACKUP, CUTOVER, feedAll } from '../support/monitoring/fed-metrics.ts';
import { promtool } from '../support/monitoring/promtool.ts';

const START_MS = 1_800_000_000_000;
let nowMs: number;
let metrics: Metrics;

beforeEach(() => {
  nowMs = START_MS;
  metrics = createMetrics(() => nowMs);
});

function syncOf(change: World['sync'] = {}): LinkStatus {
  const status = exampleSnapshot({ sync: change }).links[0]?.sync;
  if (!status) throw new Error('no sync');
  return status;
}

function verifyOf(change: World['verify'] = {}): VerifyStatus {
  const status = exampleSnapshot({ verify: change }).links[0]?.verify;
  if (!status) throw new Error('no verifier');
  return status;
}

const starting = (series: ReadonlyMap<string, number>, prefix: string) =>
  [...series].filter(([name]) => name.startsWith(prefix));

it('promtool has nothing to say against the exposition, empty or full', async () => {
  expect(promtool(['check', 'metrics'], await metrics.exposition()).problems).toBe('');
  feedAll(metrics);
  expect(promtool(['check', 'metrics'], await metrics.exposition()).problems).toBe('');
});

it('two sets of metrics live side by side in one process', async () => {
  metrics.link(syncOf());
  expect(starting(await exposed(createMetrics()), 'jday_link')).toEqual([]);
});

it('a verifier that is silent claims no integrity (L7)', async () => {
  metrics.verified(verifyOf());
  expect((await exposed(metrics)).get('jday_verify_keys{link="v1",state="equal"}')).toBe(100);
  nowMs += 15_001;
  const left = starting(await exposed(metrics), 'jday_verify').map(([series]) => series);
  expect(left).toEqual(['jday_verify_passes_total{link="v1"}']);
  expect(starting(await exposed(metrics), 'jday_sessions')).toEqual([]);
});

it('a verifier that has not ended a whole pass claims no integrity, whatever it has counted (L7)', async () => {
  metrics.verified(verifyOf({ pass: null, settled: 1, equal: 1 }));
  const claimed = starting(await exposed(metrics), 'jday_verify').map(([series]) => series);
  expect(claimed).toEqual(['jday_verify_passes_total{link="v1"}']);
  metrics.verified(verifyOf({ settled: 90, equal: 90, pending: 8, hot: 2 }));
  const series = await exposed(metrics);
  expect(series.get('jday_verify_compared_ratio{link="v1"}')).toBe(0.9);
  expect(series.get('jday_verify_pass_age_seconds{link="v1"}')).toBe(0.5);
});

it('an impact that nobody measures any more is absent, not zero (L7)', async () => {
  expect(starting(await exposed(metrics), 'jday_impact')).toEqual([]);
  metrics.impact({ percent: 1.2, low: -0.5, high: 3, windows: 12 }, 5);
  const series = await exposed(metrics);
  expect(series.get('jday_impact_ratio')).toBe(0.012);
  expect(series.get('jday_impact_low_ratio')).toBe(-0.005);
  nowMs += 600_001;
  expect(starting(await exposed(metrics), 'jday_impact')).toEqual([]);
});

it('an impact whose interval is wider than the limit is no figure, only an interval (L7)', async () => {
  const stores = [
    { store: 'v1', percent: 133, low: -20, high: 233 },
    { store: 'v2', percent: 1, low: 0, high: 2 },
  ];
  metrics.impact({ percent: 133, low: 0, high: 233, windows: 9, stores }, 5);
  expect(starting(await exposed(metrics), 'jday_impact')).toEqual([
    ['jday_impact_low_ratio', 0],
    ['jday_impact_high_ratio', 2.33],
    ['jday_impact_windows', 9],
    ['jday_impact_store_ratio{store="v2"}', 0.01],
  ]);
});

it('exactly one phase, one side, one wait and one verdict a gate hold', async () => {
  metrics.progress(exampleProgress());
  const series = await exposed(metrics);
  const holding = (name: string) =>
    starting(series, `${name}{`).flatMap(([one, value]) => (value === 1 ? [one.slice(name.length)] : []));
  expect(holding('jday_migration_phase')).toEqual(['{migration="example",phase="watch"}']);
  expect(holding('jday_migration_authority')).toEqual(['{migration="example",side="target"}']);
  expect(holding('jday_migration_waiting')).toEqual(['{migration="example",what="time"}']);
  expect(holding('jday_gate_verdict')).toEqual([
    '{migration="example",gate="lag",verdict="green"}',
    '{migration="example",gate="impact",verdict="alert"}',
  ]);
});

it('paused, throttled and the way back are told as they are, what is not known not at all', async () => {
  const rollback = { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt: null };
  metrics.progress(
    exampleProgress({ paused: { by: 'ann', reason: 'lunch' }, throttled: 'impact', rollback }),
  );
  const series = await exposed(metrics);
  expect(series.get('jday_migration_paused{migration="example"}')).toBe(1);
  expect(series.get('jday_migration_throttled{migration="example"}')).toBe(1);
  expect(series.get('jday_migration_done{migration="example"}')).toBe(0);
  expect(series.get('jday_progress_ratio{migration="example"}')).toBe(0.8);
  expect(starting(series, 'jday_rollback')).toEqual([['jday_rollback_lossless{migration="example"}', 0]]);
});

it('a migration that has ended stays done, claims no gates and no way back, and its links are not silent', async () => {
  feedAll(metrics);
  metrics.progress(exampleProgress({ phase: 'ended', outcome: 'completed', percent: 100 }));
  nowMs += 30 * 86_400_000;
  const series = await exposed(metrics);
  expect(series.get('jday_migration_done{migration="example"}')).toBe(1);
  expect(series.get('jday_migration_phase{migration="example",phase="ended"}')).toBe(1);
  for (const prefix of ['jday_gate', 'jday_rollback', 'jday_migration_waiting', 'jday_link_status'])
    expect(starting(series, prefix)).toEqual([]);
});

it('the next migration takes the place of one that has ended', async () => {
  metrics.progress(exampleProgress({ phase: 'ended', outcome: 'aborted' }));
  metrics.progress(exampleProgress({ migration: 'second' }));
  expect(starting(await exposed(metrics), 'jday_migration_done')).toEqual([
    ['jday_migration_done{migration="second"}', 0],
  ]);
});

it('a running migration of which nothing was heard for hours is not described (L7)', async () => {
  metrics.progress(exampleProgress());
  nowMs += 4 * 3_600_000 + 1;
  expect(starting(await exposed(metrics), 'jday_migration')).toEqual([]);
});

it('a switch is told in seconds, with its steps', async () => {
  metrics.switched(CUTOVER, 5_000);
  const series = await exposed(metrics);
  expect(series.get('jday_switches_total{to="target"}')).toBe(1);
  expect(series.get('jday_switches_total{to="source"}')).toBe(0);
  expect(series.get('jday_switch_fenced_seconds{to="target"}')).toBe(0.042);
  expect(series.get('jday_switch_fence_budget_seconds{to="target"}')).toBe(5);
  expect(series.get('jday_switch_step_seconds{to="target",step="drain"}')).toBe(0.03);
  nowMs += 2_000;
  expect((await exposed(metrics)).get('jday_switch_age_seconds{to="target"}')).toBe(2);
});

it('a backup is told while it runs', async () => {
  expect((await exposed(metrics)).get('jday_backup_running')).toBe(0);
  metrics.backingUp(true);
  expect((await exposed(metrics)).get('jday_backup_running')).toBe(1);
  metrics.backingUp(false);
  expect((await exposed(metrics)).get('jday_backup_running')).toBe(0);
});

it('the last backup is told, and whether it was proven (L10)', async () => {
  metrics.backup(BACKUP);
  metrics.backup({ ...BACKUP, proven: false });
  const series = await exposed(metrics);
  expect(series.get('jday_backup_proven')).toBe(0);
  expect(series.get('jday_backup_store_bytes{store="v1"}')).toBe(2_000_000);
  expect(series.get('jday_backup_files_bytes{files="nexten-models"}')).toBe(500);
});

it('neither keys, nor reasons, nor addresses stand in the metrics (L12)', async () => {
  const secret = 'session:4711-secret';
  metrics.verified(verifyOf({ evidence: [{ dataset: 'sessions', key: secret, what: secret }] }));
  metrics.link(
    syncOf({
      breaker: { side: 'source', reason: secret },
      suspects: [{ ...SUSPECT, reason: secret }],
      throttled: secret,
      joined: [secret],
    }),
  );
  metrics.progress(exampleProgress({ lastFailure: secret, paused: { by: secret, reason: secret } }));
  metrics.switched(
    {
      ...CUTOVER,
      steps: [{ step: `traffic not confirmed: http://${secret}@router`, ms: 0 }],
    },
    5_000,
  );
  const text = await metrics.exposition();
  expect(text).toContain('step="traffic not confirmed"');
  expect(text).toContain('side="source",reason="unknown"');
  expect(text).not.toContain(secret);
});

it('bytes add up by side and direction, from zero on', async () => {
  const read = 'jday_traffic_bytes_total{side="source",direction="read"}';
  expect((await exposed(metrics)).get(read)).toBe(0);
  metrics.traffic('source', 'read', 100);
  metrics.traffic('source', 'read', 50);
  expect((await exposed(metrics)).get(read)).toBe(150);
});

it('the process tells its CPU and its memory', async () => {
  const series = await exposed(metrics);
  expect(series.get('jday_process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  expect(series.get('jday_process_cpu_seconds_total')).toBeGreaterThanOrEqual(0);
});

it('a keeper of fences that is blind grows old; one that has ended is not told, nor any after the migration (L7)', async () => {
  const age = async (link: string) =>
    (await exposed(metrics)).get(`jday_fence_look_age_seconds{link="${link}"}`);
  for (const link of ['v1', 'nexten']) metrics.fenceLook(link, 'judged');
  nowMs += 3_000;
  expect(await age('v1')).toBe(3);
  metrics.fenceLook('v1', 'judged');
  expect(await age('v1')).toBe(0);
  metrics.fenceLook('nexten', 'ended');
  expect(await age('nexten')).toBeUndefined();
  metrics.progress(exampleProgress({ phase: 'ended', outcome: 'completed', percent: 100 }));
  expect(await age('v1')).toBeUndefined();
});
