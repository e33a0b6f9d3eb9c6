import { Counter, type Registry } from 'prom-client';
import type { SwitchReport } from '../../domain/run/report.ts';
import type { Side } from '../../domain/plan/plan.ts';
import { addGauge, type GaugeSample, seconds } from '../gauge.ts';

type Switch = { readonly report: SwitchReport; readonly budgetMs: number; readonly atMs: number };

const FIGURES: readonly [name: string, help: string, (last: Switch, nowMs: number) => number | null][] = [
  [
    'jday_switch_fenced_seconds',
    'How long the last switch to that side blocked writes.',
    ({ report }) => seconds(report.fencedMs),
  ],
  [
    'jday_switch_fence_budget_seconds',
    'How long the plan lets a switch block writes.',
    ({ budgetMs }) => seconds(budgetMs),
  ],
  [
    'jday_switch_age_seconds',
    'Since the last switch to that side was done.',
    ({ atMs }, nowMs) => seconds(nowMs - atMs),
  ],
  [
    'jday_switch_attempts',
    'Attempts that the last switch to that side took.',
    ({ report }) => report.attempts,
  ],
  [
    'jday_switch_verified_keys',
    'Keys verified under the fence of the last switch to that side.',
    ({ report }) => report.verified,
  ],
];

/** The moves of the authority. `to="target"` is a cutover, `to="source"` a rollback. */
export function addSwitchFamily(
  registry: Registry,
  nowMs: () => number,
): (report: SwitchReport, budgetMs: number) => void {
  const last = new Map<Side, Switch>();
  for (const [name, help, valueOf] of FIGURES) {
    addGauge(registry, { name, help, labels: ['to'] }, () =>
      [...last].map(([to, done]): GaugeSample => [{ to }, valueOf(done, nowMs())]),
    );
  }
  addGauge(
    registry,
    {
      name: 'jday_switch_step_seconds',
      help: 'What each step of the last switch to that side took.',
      labels: ['to', 'step'],
    },
    () =>
      [...last].flatMap(([to, { report }]) =>
        report.steps.map(({ step, ms }): GaugeSample => [{ to, step: nameOf(step) }, seconds(ms)]),
      ),
  );
  const switches = new Counter({
    name: 'jday_switches_total',
    help: 'Switches of authority to that side.',
    labelNames: ['to'],
    registers: [registry],
  });
  for (const to of ['target', 'source']) switches.inc({ to }, 0);
  return (report, budgetMs) => {
    last.set(report.to, { report, budgetMs, atMs: nowMs() });
    switches.inc({ to: report.to });
  };
}

/**
 * A step of a switch report may be a note for operators. The text after its colon names users and hooks, which must not
 * become labels.
 */
function nameOf(step: string): string {
  return step.split(':', 1)[0] ?? step;
}
