import { describe, expect, test } from 'vitest';
import { watchStep } from '../../../domain/gates/watch.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { progressLine } from '../../../domain/run/progress.ts';
import { progressOf } from '../../../domain/run/progress-of.ts';
import { reportOf } from '../../../domain/run/report-of.ts';
import { judgedPlan, newRunState, type RunState } from '../../../domain/run/run-state.ts';
import { statusPage } from '../../../domain/run/status-page.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import { examplePass, exampleSnapshot, type World } from '../../support/plans/example-snapshot.ts';

const plan = examplePlan({ dayMs: 1_000 });
const T0 = Date.parse('2026-11-01T00:00:00Z');

/** A run whose last look at the stores ended at `T0`. */
function state(change: Partial<RunState> = {}): RunState {
  return { ...newRunState(plan, T0), epoch: 1, authorityAtMs: T0, observedAtMs: T0, ...change };
}

function seen(world: World, judged: Plan = plan): RunState['observation'] {
  const input = { goal: 'none', joins: 'sync', authority: 'source', holdMs: 0, greenForMs: null } as const;
  return watchStep(input, exampleSnapshot(world), judged, input, 0);
}

describe('what cannot be measured', () => {
  test('sessions are known by their census, before a whole pass has seen them', () => {
    const pass = examplePass({ datasets: ['matches', 'embeddings'] });
    const progress = progressOf(state({ observation: seen({ verify: { pass } }) }), T0);
    expect(progress).toMatchObject({
      sessions: { live: 10, migrated: 10, lost: 0 },
      integrity: null,
      compared: null,
    });
    const uncounted = seen({ verify: { census: { passes: 0, pass: null } } });
    expect(progressOf(state({ observation: uncounted }), T0).sessions.live).toBeNull();
  });

  test('an impact is a figure only where its interval is no wider than the limit, and a word where it is', () => {
    const of = (impact: World['impact']) => progressOf(state({ observation: seen({ impact }) }), T0);
    expect(of({})).toMatchObject({ impactPercent: 1, impact: { low: 0, high: 2, words: '1 %' } });
    const noisy = of({ percent: 133, low: -20, high: 233 });
    expect(noisy).toMatchObject({
      impactPercent: null,
      impact: { low: -20, high: 233, words: 'not measurable here (−20 to 233 %)' },
    });
    expect(progressLine(noisy)).toContain(' · impact not measurable here (−20 to 233 %) · ');
    expect(progressLine(noisy)).not.toContain('133');
    const page = statusPage(
      state({ observation: seen({ impact: { percent: 133, low: -20, high: 233 } }) }),
      'jday-example',
      T0,
    );
    expect(page).toContain('impact not measurable here (−20 to 233 %)');
    expect(page).not.toContain('133');
  });

  test.each<[string, World['impact']]>([
    ['was never measured', null],
    ['was measured long ago', { ageMs: 900_001 }],
    ['cannot be dated', { ageMs: null }],
    ['was measured in too few windows', { windows: 5 }],
  ])('an impact that %s is not known (L7)', (_what, impact) => {
    const progress = progressOf(state({ observation: seen({ impact }) }), T0);
    expect([progress.impactPercent, progress.impact]).toEqual([null, null]);
    expect(progressLine(progress)).toContain(' · impact unknown · ');
  });

  test('is not offered for a waiver by a look that is too old', () => {
    const noisy = state({ observation: seen({ impact: { percent: 133, low: -20, high: 233 } }) });
    const gateAt = (nowMs: number) => progressOf(noisy, nowMs).gates.find(({ name }) => name === 'impact');
    expect(gateAt(T0)).toMatchObject({ verdict: 'unknown', waivable: true });
    expect(gateAt(T0 + 60_001)).toMatchObject({ verdict: 'unknown', value: null });
    expect(gateAt(T0 + 60_001)).not.toHaveProperty('waivable');
  });

  test('shows a gate that a waiver lets pass, with its reason, and one that may be waived with the line to paste', () => {
    const noisy: World = { impact: { percent: 133, low: -20, high: 233 } };
    const open = state({ phase: 'readiness', observation: seen(noisy) });
    expect(statusPage(open, 'jday-example', T0)).toContain(
      `--name waive --input '{"gate":"impact","by":"you","reason":"why"}'`,
    );
    const waivers = [{ gate: 'impact', by: 'ann', reason: 'one machine', atMs: T0 }] as const;
    const judged = judgedPlan({ ...open, waivers });
    const observation = seen(noisy, judged);
    const page = statusPage({ ...open, waivers, observation }, 'jday-example', T0);
    expect(page).toMatch(/\| 🟠 impact \| – \| 5 \| not measurable here .*; waived by ann: one machine \|/);
    expect(page).not.toContain('--name waive');
  });
});

test('a waiver stands in the report, with who said it and why', () => {
  const waive = [{ gate: 'impact', reason: 'one machine' }] as const;
  const waived = state({
    plan: { ...plan, gates: { ...plan.gates, waive } },
    waivers: [{ gate: 'sessions', by: 'ann', reason: 'nobody is logged in', atMs: T0 }],
  });
  expect(reportOf(waived, 'completed', T0).waivers).toEqual([
    { gate: 'impact', by: null, reason: 'one machine', at: null },
    { gate: 'sessions', by: 'ann', reason: 'nobody is logged in', at: '2026-11-01T00:00:00.000Z' },
  ]);
  expect(judgedPlan(waived).gates.waive).toEqual([
    { gate: 'impact', reason: 'one machine' },
    { gate: 'sessions', by: 'ann', reason: 'nobody is logged in' },
  ]);
  expect(judgedPlan(state())).toBe(plan);
});
