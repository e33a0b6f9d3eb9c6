import { interpolate, UnsetVariable } from '../../../domain/plan/environment.ts';
import type { TrafficHook } from '../../../domain/plan/plan.ts';
import type { Environment } from '../../client/connection.ts';
import { alert, green, red } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

export const RETENTION: NamedCheck = {
  name: 'temporal retention',
  scope: 'plan',
  looksAt: 'how long Temporal keeps an ended run, against the length of the plan: the report lives in it',
  look: async ({ plan, facts }) => {
    const { startDay, windowDays } = plan.timeline;
    const lengthMs = (windowDays - startDay) * plan.dayMs;
    const expected = `≥ ${days(lengthMs)}`;
    const remedy = 'Raise it: temporal operator namespace update --retention 30d <namespace>.';
    if (facts.temporalRetentionMs === null)
      return alert('not known', expected, 'Ask who runs the Temporal namespace.');
    const found = days(facts.temporalRetentionMs);
    if (facts.temporalRetentionMs >= lengthMs) return green(found, expected);
    return alert(found, expected, remedy);
  },
};

export const ALLOWED: NamedCheck = {
  name: 'allowed here',
  scope: 'plan',
  looksAt:
    'the variables, folders and programs that the plan names, against what this worker was started to allow; a variable of `traffic` that is not set',
  look: async ({ plan, facts: { refusals = [] }, environment }) => {
    const expected = 'only what the worker allows';
    const [first] = refusals;
    const unset = plan.traffic.flatMap((hook) => unsetIn(hook, environment));
    if (first === undefined && unset.length > 0) {
      const remedy = 'Set it in the environment of each worker, or take the hook out of `traffic`.';
      return red(`traffic names ${unset.join(', ')}, which is not set here`, expected, remedy);
    }
    if (first === undefined) return green('nothing else is named', expected);
    const found = refusals.map(({ field, problem }) => `${field} ${problem}`).join('; ');
    const remedies = [...new Set(refusals.map(({ remedy }) => remedy))].join('; ');
    return red(found, expected, `${remedies.charAt(0).toUpperCase()}${remedies.slice(1)}.`);
  },
};

function unsetIn(hook: TrafficHook, environment: Environment): readonly string[] {
  const texts = hook.kind === 'webhook' ? [hook.url] : hook.command;
  return texts.flatMap((text) => {
    try {
      interpolate(text, environment);
      return [];
    } catch (error) {
      if (error instanceof UnsetVariable) return [error.variable];
      throw error;
    }
  });
}

export const MODE: NamedCheck = {
  name: 'sync mode',
  scope: 'plan',
  looksAt: 'whether changes travel both ways: only then a rollback after the cutover loses nothing',
  look: async ({ plan }) => {
    if (plan.mode === 'bidirectional') return green(plan.mode, 'bidirectional');
    return alert(
      plan.mode,
      'bidirectional',
      'Set SYNC_MODE=bidirectional: in forward mode V2’s writes do not go back.',
    );
  },
};

export const STORES: NamedCheck = {
  name: 'sources with datasets',
  scope: 'plan',
  looksAt: 'whether every source store has a dataset: one without is backed up and otherwise ignored',
  look: async ({ plan }) => {
    const idle = plan.stores.filter(
      ({ name, side }) => side === 'source' && !plan.datasets.some(({ from }) => from === name),
    );
    const expected = 'a dataset for every source';
    if (plan.datasets.length === 0) return red('no dataset at all', expected, 'Add datasets to the plan.');
    if (idle.length === 0) return green(`${plan.datasets.length} datasets`, expected);
    const names = idle.map(({ name }) => name).join(', ');
    return alert(`none for ${names}`, expected, 'Add datasets, or take the store out of the plan.');
  },
};

function days(ms: number): string {
  return ms >= 86_400_000 ? `${(ms / 86_400_000).toFixed(1)} days` : `${Math.round(ms / 1000)} s`;
}
