import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMetrics } from '../../monitoring/metrics.ts';
import { LOOPBACK, type MetricsServer, serveMetrics } from '../../monitoring/server.ts';
import { eventually } from '../support/eventually.ts';
import { exampleProgress } from '../support/plans/example-progress.ts';
import { exampleSnapshot } from '../support/plans/example-snapshot.ts';
import { feedAll } from '../support/monitoring/fed-metrics.ts';
import { panelQueries } from '../support/monitoring/panel-queries.ts';
import { type Prometheus, startPrometheus } from '../support/monitoring/prometheus.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** Enough for two scrapes a second apart, then for the rules, then for the rules that use other rules. */
const PATIENCE = { everyMs: 200 };

const dir = withTempDir();
const metrics = createMetrics();
let server: MetricsServer;
let prometheus: Prometheus;

beforeAll(async () => {
  server = await serveMetrics(metrics, { port: 0, address: LOOPBACK }, () => ({ ready: true, why: 'polls' }));
  prometheus = await startPrometheus({ dir: dir.path, target: `127.0.0.1:${server.port}` });
});

afterAll(async () => {
  await prometheus?.stop();
  await server?.close();
});

it('every query of every panel finds data while a worker tells its statuses', async () => {
  const queries = panelQueries();
  expect(queries.length).toBeGreaterThan(40);
  await eventually(
    'data from every panel',
    async () => {
      feedAll(metrics);
      const found = await Promise.all(
        queries.map(async (one) => ({ ...one, found: await prometheus.query(one.expr) })),
      );
      expect(
        found.filter((one) => one.found.length === 0).map(({ panel, expr }) => `${panel}: ${expr}`),
      ).toEqual([]);
      return true;
    },
    PATIENCE,
  );
});

it('the recorded names carry the units of the plan', async () => {
  const valueOf = async (name: string) => (await prometheus.query(name)).map(({ value }) => value);
  await eventually(
    'all names at their values',
    async () => {
      feedAll(metrics);
      expect(await valueOf('sync_lag')).toEqual([9]);
      expect(await valueOf('integrity_score')).toEqual([1]);
      expect(await valueOf('sync_progress')).toEqual([80]);
      expect(await valueOf('sync_completion_percentage')).toEqual([100]);
      expect(await valueOf('active_sessions_migrated')).toEqual([20]);
      expect(await valueOf('response_time_degradation')).toEqual([1]);
      return true;
    },
    PATIENCE,
  );
});

it('a lost session fires SessionLoss within seconds', async () => {
  const lost = exampleSnapshot({ verify: { sessions: { live: 10, migrated: 9, lost: 1 } } });
  await eventually(
    'SessionLoss',
    async () => {
      for (const { verify } of lost.links) if (verify) metrics.verified(verify);
      const [alert] = await prometheus.query('ALERTS{alertname="SessionLoss", alertstate="firing"}');
      return alert?.labels['severity'] === 'critical';
    },
    PATIENCE,
  );
});

it('after the end the lag is gone and nothing stalls', async () => {
  metrics.progress(exampleProgress({ phase: 'ended', outcome: 'completed', percent: 100 }));
  await eventually(
    'an ended migration',
    async () => {
      expect(await prometheus.query('sync_lag')).toEqual([]);
      expect(await prometheus.query('jday:migration_at_work')).toEqual([]);
      expect(await prometheus.query('jday:migration_phase{phase="ended"}')).toHaveLength(1);
      return true;
    },
    PATIENCE,
  );
});
