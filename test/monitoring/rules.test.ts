import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { contentOf, repositoryFiles } from '../support/house/repository.ts';
import { alertRules, recordingRules, ruleTests } from '../support/monitoring/prometheus-rules.ts';
import { promtool } from '../support/monitoring/promtool.ts';

const onDisk = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const RULES = 'monitoring/prometheus/rules';
const testPaths = () =>
  repositoryFiles().filter((path) => path.startsWith(RULES) && path.endsWith('.test.yml'));

it('the rules are well-formed', () => {
  const files = ['recording', 'alerts'].map((name) => onDisk(`${RULES}/${name}.yml`));
  expect(promtool(['check', 'rules', '--lint-fatal', ...files]).problems).toBe('');
});

it('Prometheus takes the configuration', () => {
  expect(promtool(['check', 'config', onDisk('monitoring/prometheus/prometheus.yml')]).problems).toBe('');
});

it.each(testPaths())('promtool agrees with %s', (path) => {
  expect(promtool(['test', 'rules', onDisk(path)]).problems).toBe('');
});

it('each alert has a series with which it fires and one with which it must not', () => {
  const tested = ruleTests().flatMap((test) => test.alert_rule_test ?? []);
  const alerts = alertRules().map(({ alert }) => alert);
  const seen = (fires: boolean) =>
    new Set(tested.filter((one) => one.exp_alerts.length > 0 === fires).map((one) => one.alertname));
  expect(alerts.filter((alert) => !seen(true).has(alert))).toEqual([]);
  expect(alerts.filter((alert) => !seen(false).has(alert))).toEqual([]);
});

it('the four alerts of the original plan keep their names and numbers', () => {
  const conditionOf = (name: string) => alertRules().find(({ alert }) => alert === name);
  expect(conditionOf('SyncLagHigh')).toMatchObject({ expr: 'sync_lag > 500', for: '1m' });
  expect(conditionOf('DataInconsistency')).toMatchObject({ expr: 'integrity_score < 0.95' });
  expect(conditionOf('SessionLoss')).toMatchObject({ expr: 'active_sessions_lost > 0' });
  expect(conditionOf('MigrationStalled')).toMatchObject({ for: '5m' });
});

it('the twelve names of the original plan are recorded, each once', () => {
  const names = recordingRules().map(({ record }) => record);
  expect(names.filter((name) => !name.includes(':')).sort()).toEqual(
    [
      'sync_lag',
      'integrity_score',
      'sync_progress',
      'active_sessions_lost',
      'sync_completion_percentage',
      'data_consistency_score',
      'active_sessions_migrated',
      'cache_hit_ratio_v1_vs_v2',
      'response_time_degradation',
      'memory_usage_during_sync',
      'cpu_impact_migration',
      'network_bandwidth_sync',
    ].sort(),
  );
});

it('each alert says what happened, what it means and where to read on', () => {
  const headings = contentOf('docs/alerts.md').match(/^## .+$/gm) ?? [];
  for (const { alert, labels, annotations } of alertRules()) {
    expect(['warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary).not.toBe('');
    expect(annotations.description).not.toBe('');
    expect(annotations.runbook_url).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
    expect(headings).toContain(`## ${alert}`);
  }
});

it('docs/alerts.md explains no alert that does not exist', () => {
  const explained = [...contentOf('docs/alerts.md').matchAll(/^## ([A-Z][A-Za-z]+)$/gm)].map(
    ([, name]) => name,
  );
  expect(explained.sort()).toEqual(
    alertRules()
      .map(({ alert }) => alert)
      .sort(),
  );
});
