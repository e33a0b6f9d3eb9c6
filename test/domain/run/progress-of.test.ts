import { describe, expect, test } from 'vitest';
import { type Phase, PHASES } from '../../../domain/plan/plan.ts';
import { progressOf } from '../../../domain/run/progress-of.ts';
import { reportOf } from '../../../domain/run/report-of.ts';
import { newRunState, type RunState } from '../../../domain/run/run-state.ts';
import { statusPage } from '../../../domain/run/status-page.ts';
import { watchStep } from '../../../domain/gates/watch.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import { exampleSnapshot, type World } from '../../support/plans/example-snapshot.ts';

const DAY = 1_000;
const plan = examplePlan({ dayMs: DAY });
const T0 = Date.parse('2026-11-01T00:00:00Z');

/** The run has claimed its stores, and has read them just now. */
const READ = { epoch: 1, authorityAtMs: T0, observedAtMs: T0 } as const;

function state(change: Partial<RunState> = {}): RunState {
  return { ...newRunState(plan, T0), ...READ, ...change };
}

function seen(world: World, authority: RunState['authority'] = 'source'): RunState['observation'] {
  const input = { goal: 'none', joins: 'sync', authority, holdMs: 0, greenForMs: null } as const;
  return watchStep(input, exampleSnapshot(world), plan, input, 0);
}

/** The phases up to this one, a day each. */
function upTo(phase: Phase): Pick<RunState, 'phase' | 'entered'> {
  const entered = PHASES.slice(0, PHASES.indexOf(phase) + 1).map((name, index) => ({
    phase: name,
    atMs: T0 + index * DAY,
  }));
  return { phase, entered };
}

const flipped = { authority: 'target', epoch: 2, windowEndsAtMs: T0 + 20 * DAY } as const;
const SWITCH = { to: 'target', epoch: 2, fencedMs: 50, steps: [], verified: 1, attempts: 1 } as const;

describe('percent', () => {
  test('grows from phase to phase and ends at 100', () => {
    const percents = PHASES.map((phase) => {
      const run = state(upTo(phase));
      return progressOf(run, run.entered.at(-1)?.atMs ?? T0).percent;
    });
    expect(percents).toEqual([...percents].sort((one, other) => one - other));
    expect(new Set(percents).size).toBe(PHASES.length);
    expect(progressOf(state({ outcome: 'completed' }), T0).percent).toBe(100);
  });

  test('follows the keys copied while it copies', () => {
    const copying = (copied: number) =>
      state({ ...upTo('copy'), observation: seen({ sync: { copied, total: 100 } }) });
    expect([0, 50, 100].map((copied) => progressOf(copying(copied), T0).percent)).toEqual([5, 17.5, 30]);
  });

  test('follows the time until the window ends while it watches, and never leaves its share', () => {
    const watching = state({ ...upTo('watch'), ...flipped });
    const beganMs = watching.entered.at(-1)?.atMs ?? 0;
    const at = (nowMs: number) => progressOf(watching, nowMs).percent;
    expect([at(beganMs), at(T0 + 20 * DAY), at(T0 + 99 * DAY)]).toEqual([75, 98, 98]);
  });
});

describe('numbers', () => {
  test("are those of all links together, and the slowest one's lag", () => {
    const slow: World = {
      sync: { lagMs: { toTarget: { p50: 3, p99: 70 }, toSource: { p50: 1, p99: 1 } }, conflicts: 2 },
      only: 'v1',
    };
    expect(progressOf(state({ observation: seen(slow) }), T0)).toMatchObject({
      sync: { copied: 200, total: 200, lagMs: { p50: 3, p99: 70 }, pending: 0, conflicts: 2, quarantined: 0 },
      sessions: { live: 10, migrated: 10, lost: 0 },
      integrity: 100,
      impactPercent: 1,
    });
  });

  test('a lag that one link did not measure is not known (L7)', () => {
    const unmeasured: World = {
      sync: { lagMs: { toTarget: { p50: null, p99: null }, toSource: { p50: 1, p99: 1 } } },
      only: 'v1',
    };
    expect(progressOf(state({ observation: seen(unmeasured) }), T0).sync.lagMs).toEqual({
      p50: null,
      p99: null,
    });
  });

  test('the day counts from J-Day', () => {
    expect([0, 6.5, 7, 9].map((days) => progressOf(state(), T0 + days * DAY).day)).toEqual([
      'J-7',
      'J-1',
      'J',
      'J+2',
    ]);
  });

  test('a throttled link says why', () => {
    const observation = seen({ sync: { throttled: 'impact 4 %' }, only: 'nexten' });
    expect(progressOf(state({ observation }), T0).throttled).toBe('impact 4 %');
  });
});

describe('a number that is too old', () => {
  const long = 60_001;
  const run = state({ ...upTo('sync'), observation: seen({}) });

  test('is unknown, and says how old it is (L7)', () => {
    const fresh = progressOf(run, T0 + 60_000);
    expect(fresh).toMatchObject({ authority: 'source', integrity: 100, sessions: { live: 10, lost: 0 } });
    expect(fresh.gates.filter(({ verdict }) => verdict === 'unknown')).toEqual([]);
    const old = progressOf(run, T0 + long);
    expect(old).toMatchObject({
      authority: null,
      authorityRead: { side: 'source', ageMs: long },
      agesMs: { look: long, sync: long, verify: long, impact: long },
      sync: { copied: 200, lagMs: { p50: null, p99: null } },
      sessions: { live: null, migrated: null, lost: null },
      integrity: null,
      compared: null,
      impactPercent: null,
      rollback: { lossless: false, writesAtRisk: null },
    });
    expect(new Set(old.gates.map(({ verdict, value }) => `${verdict} ${value}`))).toEqual(
      new Set(['unknown null']),
    );
    expect(old.gates[0]?.reason).toBe('the stores were last read 60 s ago: green then');
  });

  test('of a run that has ended counts: nothing changes any more', () => {
    const ended = progressOf(
      { ...run, phase: 'ended', outcome: 'completed', authority: 'target', epoch: 2 },
      T0 + 99 * long,
    );
    expect(ended).toMatchObject({ authority: 'target', integrity: 100, sessions: { lost: 0 } });
  });

  test('of a sync, a verifier or a probe that is silent is unknown in a fresh look as well (L7)', () => {
    const silent = seen({ sync: { ageMs: 71_000 }, verify: { ageMs: 71_000 }, impact: { ageMs: 1_000_000 } });
    expect(progressOf(state({ observation: silent }), T0 + 5)).toMatchObject({
      authority: 'source',
      agesMs: { look: 5, sync: 71_005, verify: 71_005, impact: 1_000_005 },
      sync: { lagMs: { p99: null } },
      sessions: { lost: null },
      integrity: null,
      impactPercent: null,
    });
  });
});

describe('the side that serves', () => {
  const UNKNOWN: readonly [string, Partial<RunState>][] = [
    ['before the stores are claimed', { epoch: 0, authorityAtMs: null }],
    ['while a switch may be moving it', { switching: true }],
    [
      'when the stores say that somebody else has moved it',
      { observation: seen({ authority: { side: 'target', epoch: 2 } }) },
    ],
    [
      'when the stores say another side under the same epoch',
      { observation: seen({ authority: { side: 'target', epoch: 1 } }) },
    ],
  ];
  test.each(UNKNOWN)('is unknown %s (L7)', (_when, change) => {
    expect(progressOf(state(change), T0)).toMatchObject({ authority: null, authorityRead: null });
  });

  test('is the new one from the flip on, before any look has seen it', () => {
    const after = state({ ...flipped, observation: seen({}) });
    expect(progressOf(after, T0)).toMatchObject({ authority: 'target' });
  });
});

describe('an approval', () => {
  const asked = { what: 'approval', gate: 'cutover', why: 'somebody has to approve "cutover"' } as const;

  test('is waited for while the gates are green; else the gates come first, by name', () => {
    expect(progressOf(state({ waitingFor: asked, observation: seen({}) }), T0).waitingFor).toEqual(asked);
    const red = progressOf(state({ waitingFor: asked, observation: seen({ sync: { quarantined: 3 } }) }), T0);
    expect(red.waitingFor).toMatchObject({ what: 'gates', gate: 'cutover' });
    expect(red.waitingFor.why).toMatch(/quarantine \(6 values/);
  });

  test('of the end of the window waits for no gate', () => {
    const complete = { ...asked, gate: 'complete' } as const;
    const red = state({
      ...flipped,
      waitingFor: complete,
      observation: seen({ sync: { quarantined: 3 } }, 'target'),
    });
    expect(progressOf(red, T0).waitingFor).toEqual(complete);
  });
});

describe('the way back', () => {
  const READY: readonly [string, Partial<RunState>, ReturnType<typeof progressOf>['rollback']['lossless']][] =
    [
      ['before anything was carried', {}, true],
      ['before the stores are claimed: V2 may serve already (L7)', { epoch: 0, authorityAtMs: null }, false],
      ['before the flip', { observation: seen({}) }, true],
      ['with a silent sync (L7)', { observation: seen({ sync: null, only: 'v1' }) }, false],
      [
        'with a stopped direction (L5)',
        { observation: seen({ sync: { breaker: { side: 'target', reason: 'x' } } }) },
        false,
      ],
      ['after the flip, on time', { ...flipped, observation: seen({}, 'target') }, true],
      ['after the flip, unseen (L7)', { ...flipped }, false],
      [
        'after the flip, late',
        {
          ...flipped,
          observation: seen({
            sync: { lagMs: { toTarget: { p50: 1, p99: 1 }, toSource: { p50: 1, p99: 1_001 } } },
          }),
        },
        false,
      ],
      [
        'after the flip, lag unmeasured (L7)',
        {
          ...flipped,
          observation: seen({
            sync: { lagMs: { toTarget: { p50: 1, p99: 1 }, toSource: { p50: null, p99: null } } },
          }),
        },
        false,
      ],
      [
        'after the flip of a one-way plan',
        { ...flipped, plan: { ...plan, mode: 'forward' }, observation: seen({}) },
        false,
      ],
      [
        'after the flip, values of V2 in quarantine that V1 would not have',
        { ...flipped, observation: seen({ sync: { quarantined: 1 } }) },
        false,
      ],
      [
        'before the flip, with values of V1 in quarantine',
        { observation: seen({ sync: { quarantined: 1 } }) },
        true,
      ],
      ['once the sync has ended', { ...flipped, sealed: true, observation: seen({}) }, false],
    ];
  test.each(READY)('is lossless or not: %s', (_what, change, lossless) => {
    expect(progressOf(state(change), T0).rollback.lossless).toBe(lossless);
  });

  test('tells the writes at risk, and its time by the switch that was measured or rehearsed', () => {
    const observation = seen({ sync: { pending: { toTarget: 0, toSource: 1_000 } } }, 'target');
    const rehearsed = progressOf(state({ observation, predictedFenceMs: 30 }), T0).rollback;
    expect(rehearsed).toEqual({ lossless: true, estimateMs: 130, writesAtRisk: 2_000, windowEndsAt: null });
    const measured = progressOf(
      state({ ...flipped, observation, predictedFenceMs: 30, cutover: SWITCH }),
      T0,
    ).rollback;
    expect(measured).toMatchObject({ estimateMs: 150, windowEndsAt: '2026-11-01T00:00:20.000Z' });
    const kept = seen({ sync: { quarantined: 5 } }, 'target');
    expect(progressOf(state({ ...flipped, observation: kept }), T0).rollback.writesAtRisk).toBe(10);
  });
});

test('a pause is what a paused run waits for, and the sync goes on', () => {
  const paused = { by: 'ann', reason: 'lunch' };
  expect(progressOf(state({ paused }), T0).waitingFor).toEqual({
    what: 'resume',
    why: 'paused by ann: lunch; the sync goes on',
  });
});

test('the report tells how long each phase took; a way back belongs to none', () => {
  const aborted = state({
    ...upTo('copy'),
    turnedBackAtMs: T0 + 5 * DAY,
    stop: { by: 'ann', reason: 'enough' },
  });
  const report = reportOf(aborted, 'aborted', T0 + 9 * DAY);
  expect(report.phases.map(({ phase, durationMs }) => [phase, durationMs])).toEqual([
    ['preflight', DAY],
    ['backup', DAY],
    ['copy', 3 * DAY],
  ]);
  expect(report).toMatchObject({
    reason: 'enough',
    startedAt: '2026-11-01T00:00:00.000Z',
    endedAt: '2026-11-01T00:00:09.000Z',
  });
});

describe('the details page', () => {
  test('marks the phase, ticks those before it, and shows failures first', () => {
    const page = statusPage(
      state({ ...upTo('copy'), lastFailure: 'backup: disk full' }),
      'jday-example',
      T0 + 2 * DAY,
    );
    expect(page).toMatch(/^## J-5 · copy · V1 serves · 5 %\n\n> 🔴 \*\*backup: disk full\*\*/);
    expect(page).toContain('| ✓ preflight | 2026-11-01T00:00:00.000Z | 1 s |');
    expect(page).toContain('| **▶ copy** |');
    expect(page).toContain('| sync | | |');
  });

  test('stays below the limit of the server, however much there is to say', () => {
    const reason = 'x'.repeat(500);
    const breaker = { side: 'source', reason } as const;
    const long = state({
      ...upTo('watch'),
      ...flipped,
      lastFailure: reason,
      stop: { by: 'ann', reason },
      observation: seen({ sync: { breaker } }),
    });
    expect(Buffer.byteLength(statusPage(long, 'jday-example', T0))).toBeLessThan(20_000);
  });

  test('offers nothing to paste once the run has ended', () => {
    expect(statusPage(state({ phase: 'ended', outcome: 'completed' }), 'jday-example', T0)).not.toContain(
      'temporal workflow',
    );
  });
});
