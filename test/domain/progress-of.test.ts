import { describe, expect, test } from 'vitest';
import type { Phase } from '../../domain/phase.ts';
import { PHASES } from '../../domain/phase.ts';
import { progressOf } from '../../domain/progress-of.ts';
import { reportOf } from '../../domain/report-of.ts';
import { beginRun, type RunState } from '../../domain/run-state.ts';
import { statusPage } from '../../domain/status-page.ts';
import { watchStep } from '../../domain/watch.ts';
import { examplePlan } from '../support/example-plan.ts';
import { exampleSnapshot, type World } from '../support/example-snapshot.ts';

const DAY = 1_000;
const plan = examplePlan({ dayMs: DAY });
const T0 = Date.parse('2026-11-01T00:00:00Z');

function state(change: Partial<RunState> = {}): RunState {
  return { ...beginRun(plan, T0), ...change };
}

function seen(world: World, authority: RunState['authority'] = 'source'): RunState['observation'] {
  const input = { goal: 'none', joins: 'sync', authority, holdMs: 0, greenSinceMs: null } as const;
  return watchStep(input, exampleSnapshot(T0, world), plan, input, T0);
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
      sessions: { live: 20, migrated: 20, lost: 0 },
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

describe('the way back', () => {
  const READY: readonly [string, Partial<RunState>, ReturnType<typeof progressOf>['rollback']['lossless']][] =
    [
      ['before anything was carried', {}, true],
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
