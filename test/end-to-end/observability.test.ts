import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { startFollowingApp } from '../support/following-app.ts';
import { withMigrationWorld } from '../support/migration-world.ts';
import { panelQueries } from '../support/panel-queries.ts';
import { type Prometheus, type PrometheusOptions, startPrometheus } from '../support/prometheus.ts';

const SHIPPED = 'plans/supersmartmatch.yaml';
type World = ReturnType<typeof withMigrationWorld>;

async function scraping(world: World, inAlerts: PrometheusOptions['inAlerts'] = {}): Promise<Prometheus> {
  const dir = join(world.dir.path, 'prometheus');
  const prometheus = await startPrometheus({ dir, target: world.metricsAddress(), inAlerts });
  onTestFinished(() => prometheus.stop());
  return prometheus;
}

async function fill(world: World): Promise<void> {
  const v1 = world.admin('v1');
  for (let i = 0; i < 200; i++) await v1.set(`match:${i}`, `{"offers":[${i}]}`);
  for (let i = 0; i < 50; i++) await v1.hset(`session:${i}`, { user_id: String(i), offers: '[]' });
  await world.admin('nexten').set('embedding:1', 'e');
}

describe('the dashboards', () => {
  const world = withMigrationWorld({ environment: (dir) => ({ NEXTEN_MODELS: join(dir, 'models') }) });

  test('each query of each panel has data at some moment of a real migration', async () => {
    await fill(world);
    mkdirSync(join(world.dir.path, 'models'));
    writeFileSync(join(world.dir.path, 'models', 'ranker.bin'), 'weights');
    const prometheus = await scraping(world);
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') }, 20);
    onTestFinished(app.stop);
    const start = await world.jday('start', '--plan', SHIPPED, '--day', '1s', '--auto-approve');
    expect(start.code, start.stderr).toBe(0);
    const missing = new Map(
      panelQueries().map((one) => [`${one.dashboard}: ${one.panel}: ${one.expr}`, one]),
    );
    expect(missing.size).toBeGreaterThan(40);
    await eventually(
      'data from every panel, or the end',
      async () => {
        const asked = [...missing].map(async ([name, { expr }]) => {
          if ((await prometheus.query(expr)).length > 0) missing.delete(name);
        });
        await Promise.all(asked);
        return missing.size === 0 || (await world.progress()).outcome !== null;
      },
      { withinMs: 90_000, everyMs: 1_000 },
    );
    expect([...missing.keys()]).toEqual([]);
    await app.stop();
    expect(await world.handle().result()).toMatchObject({ outcome: 'completed', authority: 'target' });
  });
});

describe("the plan's four alerts", () => {
  const ALERTS = ['SyncLagHigh', 'DataInconsistency', 'SessionLoss', 'MigrationStalled'];
  const SHORTER = { 'for: 1m': 'for: 2s', 'for: 5m': 'for: 6s', '[1m]': '[5s]' };
  // In forward mode what is done to V2 stays there: nothing carries it to V1, and nothing repairs it.
  const world = withMigrationWorld({ environment: () => ({ SYNC_MODE: 'forward' }) });

  /** The shipped plan, which moves sessions from the first day on and does not abort before an alert fires. */
  function patientPlan(): string {
    const plan = parse(readFileSync(SHIPPED, 'utf8')) as { datasets: { joins?: string }[] };
    const path = join(world.dir.path, 'patient.yaml');
    const datasets = plan.datasets.map((dataset) => ({ ...dataset, joins: 'sync' }));
    const triggers = { integrity: 0, sessionsLost: 1_000_000, lagP99: '1h', lagFor: '1h' };
    writeFileSync(path, stringify({ ...plan, datasets, triggers }));
    return path;
  }
  const firing = async (prometheus: Prometheus) => {
    const found = await prometheus.query('ALERTS{alertstate="firing"}');
    return found.map(({ labels }) => labels['alertname']).filter((name) => ALERTS.includes(name ?? ''));
  };
  const fires = (prometheus: Prometheus, alert: string) =>
    eventually(`${alert} to fire`, async () => (await firing(prometheus)).includes(alert), {
      withinMs: 60_000,
      everyMs: 200,
    });

  test('each fires on a real migration when what it watches is broken, and is silent before', async () => {
    await fill(world);
    const prometheus = await scraping(world, SHORTER);
    const start = await world.jday('start', '--plan', patientPlan(), '--day', '6s', '--auto-approve');
    expect(start.code, start.stderr).toBe(0);
    await world.inPhase('sync');
    await eventually('all keys to be equal, and no alert', async () => {
      const [integrity] = await prometheus.query('integrity_score');
      const [sessions] = await prometheus.query('active_sessions_migrated');
      expect([integrity?.value, sessions?.value, await firing(prometheus)]).toEqual([1, 50, []]);
      return true;
    });

    const v2 = world.admin('v2');
    for (let i = 0; i < 20; i++) await v2.del(`session:${i}`);
    for (let i = 0; i < 60; i++) await v2.set(`match:${i}`, 'damaged');
    await fires(prometheus, 'DataInconsistency');
    await fires(prometheus, 'SessionLoss');

    // What changes on V1 meanwhile arrives on V2 only when the pause is over.
    await v2.call('CLIENT', 'PAUSE', '2000', 'WRITE');
    await world.app('v1').set('match:late', '{"offers":[]}');
    await fires(prometheus, 'SyncLagHigh');

    // The damage holds the gates red: once J-Day is over, nothing moves any more.
    await fires(prometheus, 'MigrationStalled');
    expect(await world.progress()).toMatchObject({ outcome: null, waitingFor: { what: 'gates' } });
  });
});
