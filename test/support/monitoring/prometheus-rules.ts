import { parse } from 'yaml';
import { contentOf, repositoryFiles } from '../house/repository.ts';

export type RecordingRule = { readonly record: string; readonly expr: string };
export type AlertRule = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
};
export type RuleTest = {
  readonly alert_rule_test?: readonly {
    readonly alertname: string;
    readonly exp_alerts: readonly unknown[];
  }[];
};

const RULES = 'monitoring/prometheus/rules/';

export function recordingRules(): readonly RecordingRule[] {
  return rulesOf<RecordingRule>('recording.yml');
}

export function alertRules(): readonly AlertRule[] {
  return rulesOf<AlertRule>('alerts.yml');
}

export function ruleTests(): readonly RuleTest[] {
  return repositoryFiles()
    .filter((path) => path.startsWith(RULES) && path.endsWith('.test.yml'))
    .flatMap((path) => (parse(contentOf(path)) as { tests: RuleTest[] }).tests);
}

function rulesOf<Rule>(file: string): readonly Rule[] {
  const { groups } = parse(contentOf(RULES + file)) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}
