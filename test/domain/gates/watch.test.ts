import { expect, test } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import {
  type Observation,
  type WatchInput,
  type WatchState,
  watchStep,
} from '../../../domain/gates/watch.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import { examplePass, exampleSnapshot, type World } from '../../support/plans/example-snapshot.ts';

/** Days of 24 h, so that windows last as long as the plan says. */
const plan = examplePlan();
const input = (change: Partial<WatchInput>): WatchInput => ({
  goal: 'none',
  joins: 'sync',
  authority: 'source',
  holdMs: 0,
  greenForMs: null,
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
    const authority = { side: wanted.authority, epoch: 1 };
    const observation = watchStep(
      before,
      exampleSnapshot({ authority, ...world }),
      plan,
      wanted,
      index === 0 ? 0 : everyMs,
    );
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
const DAMAGE = { settled: 100, equal: 94, diverged: 6 };
/** Looks once a second. Each minute a new pass of the verifier finds the same again. */
const passing = (count: number, verify: World['verify'], from = 4): readonly World[] =>
  Array.from({ length: count }, (_look, index) => ({
    verify: { passes: from + Math.floor(index / 60), ...verify },
  }));
const corrupt = (seconds: number, from = 4) => passing(seconds + 1, DAMAGE, from);
const losing = (seconds: number, from = 4) =>
  passing(seconds + 1, { sessions: { live: 9, migrated: 8, lost: 1 } }, from);

test('green counts from the first green look on, and is reached after the hold', () => {
  const seen = looks([{ impact: null }, {}, {}, {}], { goal: 'green', holdMs: 2_000 });
  expect(seen.map((look) => look.greenForMs)).toEqual([null, 0, 1_000, 2_000]);
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

/** A world with so many censuses ended. `began`: token of the attempt of the sync under which the last one began. */
const counted = (passes: number, change: World['verify'] & { readonly began?: number } = {}): World => {
  const { began = 1, ...verify } = change;
  const pass = examplePass({ datasets: ['sessions'], from: { v1: { token: began, word: 5 } } });
  return { verify: { census: { passes, pass }, ...verify } };
};
const census = (worlds: readonly World[]) =>
  looks(worlds, { goal: 'copied', joins: 'jday' }).map((look) => look.goalReached);

test('the census of sessions counts only when one has ended since they joined, and waits for no whole pass', () => {
  const joined = (names: readonly string[], world: World): World => ({
    ...world,
    sync: { joined: ['embeddings', 'matches', ...names] },
  });
  const old = { passes: 1, pass: examplePass({ datasets: ['matches', 'embeddings'] }) };
  expect(
    census([
      joined([], counted(7, old)),
      joined(['sessions'], counted(7, old)),
      joined(['sessions'], counted(7, old)),
      joined(['sessions'], counted(8, old)),
    ]),
  ).toEqual([false, false, false, true]);
});

test('what was read before the sessions joined does not count: the census must have begun under the sync of now', () => {
  const restarted = { sync: { moments: { v1: { token: 2, word: 1 } } } };
  expect(
    census([
      { ...counted(7), ...restarted },
      { ...counted(8), ...restarted },
      { ...counted(9, { began: 2 }), ...restarted },
    ]),
  ).toEqual([false, false, true]);
});

test('a census of no dataset, of an unknown moment, or of 0 sessions leaves the phase open (L7)', () => {
  const none = { passes: 9, pass: examplePass({ datasets: [] }) };
  const undated = { passes: 9, pass: examplePass({ datasets: ['sessions'] }) };
  const worlds: readonly World[] = [
    counted(7),
    { verify: { census: none } },
    { verify: { census: undated } },
    counted(9, { sessions: { live: 0, migrated: 0, lost: 0 } }),
    { sync: { moments: {} }, ...counted(9) },
    counted(9),
  ];
  expect(census(worlds)).toEqual([false, false, false, false, false, true]);
});

test('only links with sessions are asked for a census', () => {
  const silent: World = { verify: { census: { passes: 0, pass: null } }, only: 'nexten' };
  const first = looks([silent], { goal: 'copied', joins: 'jday' })[0];
  const wanted = input({ goal: 'copied', joins: 'jday' });
  const links = exampleSnapshot(counted(4)).links.map((link) =>
    link.name === 'nexten' ? { ...link, verify: null } : link,
  );
  const seen = watchStep({ ...wanted, ...first }, { ...exampleSnapshot(), links }, plan, wanted, 1_000);
  expect([first?.goalReached, seen.goalReached]).toEqual([false, true]);
});

test('a verifier that began anew counts its censuses anew, a lost session keeps the phase open', () => {
  const passes = (count: number, lost = 0): World =>
    counted(count, { sessions: { live: 9, migrated: 9 - lost, lost } });
  expect(census([passes(7), passes(1), passes(1), passes(2, 1), passes(3)])).toEqual([
    false,
    false,
    false,
    false,
    true,
  ]);
});

const last = (worlds: readonly World[], authority: Side) =>
  looks(worlds, { authority }).at(-1)?.triggered ?? null;

const TRIGGERS: readonly [string, readonly World[], Side, RegExp | null][] = [
  ['lag for less than its time', times(60, lagging), 'source', null],
  ['lag for its whole time', times(61, lagging), 'source', /lag p99 is \d+ ms, above 1000 ms for 60 s/],
  ['lag that one look did not see', [...times(40, lagging), {}, ...times(40, lagging)], 'source', null],
  [
    'lag that one look could not measure (L7)',
    [...times(40, lagging), { sync: null }, ...times(40, lagging)],
    'source',
    null,
  ],
  ['lag while a scan runs', times(90, slowScan), 'source', null],
  ['lag alone, however long, after the flip', times(300, lagging), 'target', null],
  [
    'corruption before the flip',
    corrupt(120),
    'source',
    /integrity is 94.00 %, below 95 %: 188 of 200 settled keys are equal, confirmed by 2 whole passes/,
  ],
  ['corruption after the flip', corrupt(120), 'target', /integrity/],
  ['corruption that one look has seen', [...times(5, {}), ...corrupt(0)], 'target', null],
  ['corruption for less than its time', corrupt(119), 'target', null],
  ['corruption that no second pass confirms', times(200, { verify: { ...DAMAGE } }), 'target', null],
  ['corruption that one look did not see', [...corrupt(90), {}, ...corrupt(90, 6)], 'target', null],
  [
    'corruption that one look could not see (L7)',
    [...corrupt(90), { verify: null }, ...corrupt(90, 6)],
    'target',
    null,
  ],
  [
    'corruption found by a verifier that has forgotten what it knew',
    [...corrupt(90, 7), ...corrupt(90, 1)],
    'target',
    null,
  ],
  [
    'corruption that only an earlier life of the verifier has seen',
    times(300, { verify: { ...DAMAGE, pass: examplePass({ authority: 'target', remembered: true }) } }),
    'target',
    null,
  ],
  ['a few differences', passing(200, { equal: 95, diverged: 5 }), 'target', null],
  ['a verifier without a whole pass (L7)', passing(200, { ...DAMAGE, pass: null }), 'target', null],
  ['0 of 0 (L7)', passing(200, { settled: 0, equal: 0 }), 'target', null],
  ['few keys, all damaged', passing(200, { settled: 20, equal: 0, diverged: 20 }), 'target', null],
  [
    'damage among few settled keys of many (L7)',
    passing(200, { ...DAMAGE, pending: 15_000 }),
    'target',
    null,
  ],
  [
    'values in quarantine beside a handful of compared keys',
    passing(200, { settled: 0, equal: 0, quarantined: 150 }),
    'target',
    null,
  ],
  [
    'values in quarantine, many of all',
    passing(200, { quarantined: 15 }),
    'target',
    /integrity is 86.96 %, below 95 %/,
  ],
  ['values in quarantine before the flip', passing(200, { quarantined: 15 }), 'source', null],
  [
    'what was compared before the flip',
    passing(200, { ...DAMAGE, pass: examplePass({ authority: 'source' }) }),
    'target',
    null,
  ],
  ['silence after the flip (L7)', times(300, { sync: null, verify: null, impact: null }), 'target', null],
  ['silence before the flip (L7)', times(300, { sync: null, verify: null, impact: null }), 'source', null],
  ['lost sessions seen by one pass only', losing(59), 'target', null],
  ['lost sessions confirmed before the flip', losing(120), 'source', /2 sessions are lost/],
  ['lost sessions confirmed after the flip', losing(120), 'target', /2 sessions are lost/],
  [
    'lost sessions found by a verifier that has forgotten what it knew',
    [...losing(90, 7), ...losing(90, 1)],
    'target',
    null,
  ],
  ['lost sessions found again', [...losing(90), {}, ...losing(90, 6)], 'target', null],
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
  const seen = watchStep({ ...wanted, ...first }, exampleSnapshot(lagging), plan, wanted, 22_000);
  expect(seen.triggered).toMatch(/for 61 s/);
});
