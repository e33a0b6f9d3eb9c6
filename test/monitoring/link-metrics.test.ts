/** The metrics that are made from the status of each link's sync. */
import { beforeEach, expect, it } from 'vitest';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { REASONS } from '../../domain/protocol/loss-suspicion.ts';
import { createMetrics, type Metrics } from '../../monitoring/metrics.ts';
import { exampleSnapshot, SUSPECT, type World } from '../support/plans/example-snapshot.ts';
import { exposed } from '../support/monitoring/exposition.ts';

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

const starting = (series: ReadonlyMap<string, number>, prefix: string) =>
  [...series].filter(([name]) => name.startsWith(prefix));

it('lag is told in seconds for each direction, and what is not measured is not told (L7)', async () => {
  metrics.link(syncOf({ lagMs: { toTarget: { p50: 1, p99: 8 }, toSource: { p50: null, p99: null } } }));
  expect(starting(await exposed(metrics), 'jday_link_lag_seconds')).toEqual([
    ['jday_link_lag_seconds{link="v1",direction="to_target",percentile="p50"}', 0.001],
    ['jday_link_lag_seconds{link="v1",direction="to_target",percentile="p99"}', 0.008],
  ]);
});

it('a link that has been silent for more than 15 s claims nothing but when it spoke and what it counted (L7)', async () => {
  metrics.link(syncOf());
  nowMs += 15_000;
  expect((await exposed(metrics)).get('jday_link_pending_keys{link="v1",direction="to_target"}')).toBe(0);
  nowMs += 1;
  const names = starting(await exposed(metrics), 'jday_link').map(([series]) => series.replace(/\{.*/, ''));
  expect(new Set(names)).toEqual(
    new Set([
      'jday_link_status_age_seconds',
      'jday_link_carried_changes_total',
      'jday_link_conflicts_total',
      'jday_link_strays_total',
      'jday_link_repaired_total',
    ]),
  );
});

it('a link that speaks again is believed again', async () => {
  metrics.link(syncOf());
  nowMs += 60_000;
  metrics.link(syncOf());
  const lag = 'jday_link_lag_seconds{link="v1",direction="to_target",percentile="p99"}';
  expect((await exposed(metrics)).get(lag)).toBe(0.008);
});

it('what attempts carried adds up: a count that fell and a new token each begin an attempt', async () => {
  const carried = async () =>
    (await exposed(metrics)).get('jday_link_carried_changes_total{link="v1",direction="to_target"}');
  const tell = (token: number, toTarget: number) =>
    metrics.link(syncOf({ token, carried: { toTarget, toSource: 0 } }));
  tell(1, 10);
  tell(1, 30);
  expect(await carried()).toBe(30);
  tell(1, 5);
  expect(await carried()).toBe(35);
  tell(2, 7);
  expect(await carried()).toBe(42);
  tell(2, 7);
  expect(await carried()).toBe(42);
});

it.each(Object.values(REASONS))(
  'an open breaker is told with its side and its reason: %s',
  async (reason) => {
    metrics.link(syncOf({ suspects: [{ ...SUSPECT, reason, keys: 7 }] }));
    const series = await exposed(metrics);
    expect(starting(series, 'jday_link_breaker_open')).toEqual([
      [`jday_link_breaker_open{link="v1",side="source",reason="${reason}"}`, 1],
      ['jday_link_breaker_open{link="v1",side="target"}', 0],
    ]);
    expect(series.get('jday_link_held_keys{link="v1",side="source"}')).toBe(7);
    metrics.link(syncOf({ suspects: [] }));
    expect(starting(await exposed(metrics), 'jday_link_breaker_open')).toEqual([
      ['jday_link_breaker_open{link="v1",side="source"}', 0],
      ['jday_link_breaker_open{link="v1",side="target"}', 0],
    ]);
  },
);

it('the memory of journals and quarantine is told, and not by a shard that has not measured it (L7)', async () => {
  metrics.link(syncOf({ recordBytes: { journal: { source: 7, target: 0 }, quarantine: 9 } }));
  const series = await exposed(metrics);
  expect(starting(series, 'jday_link_journal_bytes')).toEqual([
    ['jday_link_journal_bytes{link="v1",side="source"}', 7],
    ['jday_link_journal_bytes{link="v1",side="target"}', 0],
  ]);
  expect(series.get('jday_link_quarantine_bytes{link="v1"}')).toBe(9);
  const { recordBytes: _bytes, ...unmeasured } = syncOf();
  metrics.link(unmeasured);
  const without = await exposed(metrics);
  expect([...starting(without, 'jday_link_journal'), ...starting(without, 'jday_link_quarantine_b')]).toEqual(
    [],
  );
});

it('the bounds in force are told as the sync says them, and the impact of each store (L14)', async () => {
  const throttle = {
    copyKeysPerSecond: 500,
    copyBytesPerSecond: 0,
    verifyKeysPerSecond: 250,
    verifyBytesPerSecond: 9,
    batchMs: 2,
  };
  metrics.link(syncOf({ throttle: { ...throttle, share: 0.25, batchKeys: 17 } }));
  const stores = [{ store: 'v1', percent: 4, low: 1, high: 6 }];
  metrics.impact({ percent: 4, low: 1, high: 6, windows: 6, stores }, 5);
  const series = await exposed(metrics);
  const { link } = syncOf({});
  const of = (name: string) => series.get(`jday_link_${name}{link="${link}"}`);
  expect(of('throttle_copy_keys_per_second')).toBe(500);
  expect(of('throttle_copy_bytes_per_second')).toBe(0);
  expect(of('throttle_verify_keys_per_second')).toBe(250);
  expect(of('throttle_verify_bytes_per_second')).toBe(9);
  expect(of('throttle_share_ratio')).toBe(0.25);
  expect(of('batch_keys')).toBe(17);
  expect(series.get('jday_impact_store_ratio{store="v1"}')).toBe(0.04);
});
