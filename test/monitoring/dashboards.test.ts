import { posix } from 'node:path';
import { parse } from 'yaml';
import { expect, it } from 'vitest';
import { REASONS } from '../../domain/protocol/loss-suspicion.ts';
import { dashboardFiles } from '../../monitoring/grafana/dashboard-files.ts';
import { createMetrics } from '../../monitoring/metrics.ts';
import { metricNames } from '../support/monitoring/exposition.ts';
import { panelQueries } from '../support/monitoring/panel-queries.ts';
import { alertRules, recordingRules } from '../support/monitoring/prometheus-rules.ts';
import { contentOf, repositoryFiles } from '../support/house/repository.ts';

const FOLDER = 'monitoring/grafana/dashboards';
const ours = (expr: string): readonly string[] => expr.match(/\bjday[_:]\w+/g) ?? [];
const words = (expr: string): readonly string[] => expr.match(/[\w:]+/g) ?? [];
const recorded = () => recordingRules().map(({ record }) => record);
const looked = () => [...panelQueries(), ...alertRules()].map(({ expr }) => expr);
const everyExpression = () => [...looked(), ...recordingRules().map(({ expr }) => expr)];

it('the committed dashboards are those that the code describes', () => {
  const files = dashboardFiles().map(({ path, text }) => ({
    path: `${FOLDER}/${posix.basename(path)}`,
    text,
  }));
  expect(files.map(({ path }) => path)).toEqual(repositoryFiles().filter((path) => path.startsWith(FOLDER)));
  for (const { path, text } of files) expect(contentOf(path)).toBe(text);
});

it('the panels of the original plan stand on its two dashboards, by name', () => {
  const panelsOf = (title: string) =>
    panelQueries().flatMap(({ dashboard, panel, expr }) =>
      dashboard === title && words(expr).includes(panel) ? [panel] : [],
    );
  expect(panelsOf('migration_progress')).toEqual(
    expect.arrayContaining([
      'sync_completion_percentage',
      'data_consistency_score',
      'active_sessions_migrated',
      'cache_hit_ratio_v1_vs_v2',
    ]),
  );
  expect(panelsOf('performance_impact')).toEqual(
    expect.arrayContaining([
      'response_time_degradation',
      'memory_usage_during_sync',
      'cpu_impact_migration',
      'network_bandwidth_sync',
    ]),
  );
});

it('every metric that a rule or a panel uses exists', async () => {
  const known = new Set([...(await metricNames(createMetrics())), ...recorded()]);
  expect(
    everyExpression()
      .flatMap(ours)
      .filter((name) => !known.has(name)),
  ).toEqual([]);
});

it('every metric is shown or alerted somewhere', async () => {
  const used = new Set(everyExpression().flatMap(words));
  expect((await metricNames(createMetrics())).filter((name) => !used.has(name))).toEqual([]);
});

it('every recorded name is shown, alerted or made use of', () => {
  const used = new Set(everyExpression().flatMap(words));
  expect(recorded().filter((name) => !used.has(name))).toEqual([]);
});

it('docs/monitoring.md explains every metric and every recorded name, and no other', async () => {
  const exist = [...(await metricNames(createMetrics())), ...recorded()];
  const text = contentOf('docs/monitoring.md');
  const explained = new Set(words(text));
  expect(exist.filter((name) => !explained.has(name))).toEqual([]);
  expect(ours(text).filter((name) => !exist.includes(name))).toEqual([]);
});

it('docs/monitoring.md tells every reason of a breaker', () => {
  const text = contentOf('docs/monitoring.md').replaceAll(/\s+/g, ' ');
  expect(Object.values(REASONS).filter((reason) => !text.includes(`\`${reason}\``))).toEqual([]);
});

it('Grafana is provisioned with the datasource that the panels name', () => {
  type Sources = { datasources: { uid: string; type: string; url: string }[] };
  const { datasources } = parse(
    contentOf('monitoring/grafana/provisioning/datasources/prometheus.yml'),
  ) as Sources;
  expect(datasources).toMatchObject([
    { uid: 'prometheus', type: 'prometheus', url: 'http://prometheus:9090' },
  ]);
  for (const { text } of dashboardFiles())
    expect(new Set(text.match(/"uid": "(?!jday-)[^"]+"/g))).toEqual(new Set(['"uid": "prometheus"']));
});
