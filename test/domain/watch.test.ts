import { expect, test } from 'vitest';
import type { Side } from '../../domain/side.ts';
import { type Observation, type WatchInput, type WatchState, watchStep } from '../../domain/watch.ts';
import { examplePlan } from '../support/example-plan.ts';
import { exampleSnapshot, type World } from '../support/example-snapshot.ts';

/** Days of 24 h, so that windows last as long as the plan says. */
const plan = examplePlan();
const input = (change: Partial<WatchInput>): WatchInput => ({
  goal: 'none',
  joins: 'sync',
  authority: 'source',
  holdMs: 0,
  greenSinceMs: null,
  ...change,
});

/** Looks at one world after the other, `everyMs` apart, and returns all that was seen. */
function looks(
  worlds: readonly World[],
  change: Partial<WatchInput> = {},
  everyMs = 1_000,
): readonly Observation[] {
  const wanted = input(change);
  const seen: Observation[] = [];
  let before: WatchState = wanted;
  worlds.forEach((world, index) => {
    const nowMs = index * everyMs;
    const observation = watchStep(before, exampleSnapshot(nowMs, world), plan, wanted, nowMs);
    seen.push(observation);
    before = observation;
  });
  return seen;
}

const times = (count: number, world: World): readonly World[] => Array.from({ length: count }, () => world);
const lagging: World = {
  sync: { lagMs: { toTarget: { p50: 9, p99: 1_001 }, toSource: { p50: 9, p99: 60_000 } } },
};
const slowScan: World = { sync: { ...lagging.sync, state: 'scanning' } };
const corrupt: World = { verify: { settled: 100, equal: 94, diverged: 6 } };
const losing = (passes: number): World => ({
  verify: { passes, sessions: { live: 9, migrated: 8, lost: 1 } },
  only: 'v1',
});

test('green counts from the first green look on, and is reached after the hold', () => {
  const seen = looks([{ impact: null }, {}, {}, {}], { goal: 'green', holdMs: 2_000 });
  expect(seen.map((look) => look.greenSinceMs)).toEqual([null, 1_000, 1_000, 1_000]);
  expect(seen.map((look) => look.goalReached)).toEqual([false, false, false, true]);
});

test('one look that is not green begins the hold anew (L7)', () => {
  const seen = looks([{}, { sync: null }, {}, {}], { goal: 'green', holdMs: 2_000 });
  expect(seen.map((look) => look.goalReached)).toEqual([false, false, false, false]);
});

test('the goal red is reached by the first look that holds the migration', () => {
  expect(looks([{}, { sync: null }], { goal: 'red' }).map((look) => look.goalReached)).toEqual([false, true]);
});

test('copied = every dataset that joins from the start has joined on its link and little waits', () => {
  const without = (joined: readonly string[]): World => ({ sync: { joined }, only: 'v1' });
  const waiting: World = { sync: { pending: { toTarget: 100_000, toSource: 0 } } };
  const reached = (world: World) => looks([world], { goal: 'copied' })[0]?.goalReached;
  expect([
    reached(without([])),
    reached(waiting),
    reached({ sync: null }),
    reached(without(['matches'])),
  ]).toEqual([false, false, false, true]);
});

test('the census of sessions counts only after two whole passes since they joined', () => {
  const pass = (passes: number, joined: readonly string[]): World => ({
    sync: { joined: ['embeddings', ...joined] },
    verify: { passes },
  });
  const all = ['matches', 'sessions'];
  const seen = looks([pass(7, ['matches']), pass(7, all), pass(8, all), pass(9, all)], {
    goal: 'copied',
    joins: 'jday',
  });
  expect(seen.map((look) => look.goalReached)).toEqual([false, false, false, true]);
});

test('a verifier that began anew counts its passes anew, a lost session keeps the census open', () => {
  const passes = (count: number, lost = 0): World => ({
    verify: { passes: count, sessions: { live: 9, migrated: 9 - lost, lost } },
  });
  const seen = looks([passes(7), passes(1), passes(2), passes(3, 1), passes(4)], {
    goal: 'copied',
    joins: 'jday',
  });
  expect(seen.map((look) => look.goalReached)).toEqual([false, false, false, false, true]);
});

const last = (worlds: readonly World[], authority: Side) =>
  looks(worlds, { authority }).at(-1)?.triggered ?? null;

const TRIGGERS: readonly [string, readonly World[], Side, RegExp | null][] = [
  ['lag for less than its time', times(60, lagging), 'source', null],
  ['lag for its whole time', times(61, lagging), 'source', /lag p99 has been above 1000 ms for 60 s/],
  ['lag that one look did not see', [...times(40, lagging), {}, ...times(40, lagging)], 'source', null],
  [
    'lag that one look could not measure (L7)',
    [...times(40, lagging), { sync: null }, ...times(40, lagging)],
    'source',
    null,
  ],
  ['lag while a scan runs', times(90, slowScan), 'source', null],
  ['lag alone, however long, after the flip', times(300, lagging), 'target', null],
  ['corruption before the flip', [corrupt], 'source', /integrity of settled keys is 94.00 %, below 95 %/],
  ['corruption after the flip', [corrupt], 'target', /integrity/],
  ['a few differences', [{ verify: { equal: 95, diverged: 5 } }], 'target', null],
  ['a verifier without a complete pass (L7)', [{ verify: { ...corrupt.verify, passes: 0 } }], 'target', null],
  ['0 of 0 (L7)', [{ verify: { settled: 0, equal: 0 } }], 'target', null],
  ['silence after the flip (L7)', times(300, { sync: null, verify: null, impact: null }), 'target', null],
  ['silence before the flip (L7)', times(300, { sync: null, verify: null, impact: null }), 'source', null],
  ['lost sessions seen by one pass only', times(30, losing(4)), 'target', null],
  ['lost sessions confirmed before the flip', [losing(4), losing(5)], 'source', /1 sessions are lost/],
  ['lost sessions confirmed after the flip', [losing(4), losing(5)], 'target', /1 sessions are lost/],
  [
    'lost sessions confirmed by a verifier begun anew',
    [losing(4), losing(1)],
    'target',
    /1 sessions are lost/,
  ],
  ['lost sessions found again', [losing(4), { verify: { passes: 5 } }, losing(6)], 'target', null],
  ['an impact far too high', times(300, { impact: { percent: 50, low: 40, high: 60 } }), 'target', null],
];

test.each(TRIGGERS)(
  '%s triggers the way back only where the ladder says so',
  (_what, worlds, authority, reason) => {
    const triggered = last(worlds, authority);
    if (reason === null) expect(triggered).toBeNull();
    else expect(triggered).toMatch(reason);
  },
);

test('a suspicion outlives the end of a watch', () => {
  const first = looks(times(40, lagging)).at(-1);
  const wanted = input({});
  const nowMs = 61_000;
  const seen = watchStep({ ...wanted, ...first }, exampleSnapshot(nowMs, lagging), plan, wanted, nowMs);
  expect(seen.triggered).toMatch(/for 61 s/);
});
