import { describe, expect, test } from 'vitest';
import { IMPACT_STALE_MS, SYNC_STALE_MS, VERIFY_STALE_MS } from '../../../domain/gates/fresh.ts';
import type { Gate, Verdict } from '../../../domain/gates/gate.ts';
import { blocks, judge, PENDING_LIMIT } from '../../../domain/gates/judge.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import {
  exampleCensus,
  examplePass,
  exampleSnapshot,
  type World,
} from '../../support/plans/example-snapshot.ts';

const plan = examplePlan();

function gates(world: World, authority: Side = 'source'): readonly Gate[] {
  return judge(exampleSnapshot(world), plan, authority);
}

test('a world in which all is well is green at every gate, each named once', () => {
  expect(gates({}).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
    'lag green',
    'integrity green',
    'compared green',
    'sessions green',
    'cacheHits green',
    'impact green',
    'pending green',
    'quarantine green',
    'breaker green',
    'writers green',
    'masters green',
  ]);
});

const lag = (toTarget: number | null, toSource: number | null) => ({
  sync: { lagMs: { toTarget: { p50: 0, p99: toTarget }, toSource: { p50: 0, p99: toSource } } },
});
const stale = (ms: number) => ({ ageMs: ms });
/** A status that was written before the server's clock was set back. */
const undated = { ageMs: null };

const LADDER: readonly [string, World, Gate['name'], Verdict, Side?][] = [
  ['lag at its limit', lag(100, 1), 'lag', 'red'],
  ['lag just below its limit', lag(99.9, 1), 'lag', 'green'],
  ['lag of one link alone', { ...lag(500, 1), only: 'nexten' }, 'lag', 'red'],
  ['lag away from the target, which does not serve', lag(1, 5_000), 'lag', 'green'],
  ['lag away from the target, which serves', lag(1, 5_000), 'lag', 'red', 'target'],
  ['lag that nobody measured (L7)', lag(null, 1), 'lag', 'unknown'],
  ['a sync at the edge of silence', { sync: stale(SYNC_STALE_MS) }, 'lag', 'green'],
  ['a silent sync (L7)', { sync: stale(SYNC_STALE_MS + 1), only: 'v1' }, 'lag', 'unknown'],
  ['a sync that nobody can date (L7)', { sync: undated, only: 'v1' }, 'breaker', 'unknown'],
  ['no sync (L7)', { sync: null, only: 'nexten' }, 'breaker', 'unknown'],
  ['one differing key', { verify: { diverged: 1, equal: 99 } }, 'integrity', 'red'],
  ['a share below the limit without a named difference', { verify: { equal: 99 } }, 'integrity', 'red'],
  ['0 of 0 compared (L7)', { verify: { settled: 0, equal: 0 } }, 'integrity', 'red'],
  [
    '0 of 0 on a link that has keys (L7)',
    { verify: { settled: 0, equal: 0 }, only: 'nexten' },
    'integrity',
    'red',
  ],
  [
    'a link without any key beside one with keys',
    { sync: { total: 0 }, verify: { settled: 0, equal: 0 }, only: 'nexten' },
    'integrity',
    'green',
  ],
  ['no whole pass (L7)', { verify: { passes: 0, pass: null }, only: 'v1' }, 'integrity', 'unknown'],
  [
    'one equal key of a pass that has not ended (L7)',
    { verify: { passes: 0, pass: null, settled: 1, equal: 1 } },
    'integrity',
    'unknown',
  ],
  [
    'a pass without a dataset that the sync carries (L7)',
    { verify: { pass: examplePass({ datasets: ['matches'] }) }, only: 'v1' },
    'integrity',
    'unknown',
  ],
  [
    'a pass over no dataset (L7)',
    { verify: { pass: examplePass({ datasets: [] }) } },
    'integrity',
    'unknown',
  ],
  [
    'a whole pass of long ago (L7)',
    { verify: { pass: examplePass({ ageMs: 900_001 }) } },
    'integrity',
    'unknown',
  ],
  [
    'a whole pass as old as passes over much data take',
    { verify: { pass: examplePass({ ageMs: 7_200_000, tookMs: 3_600_000 }) } },
    'integrity',
    'green',
  ],
  [
    'what an earlier life of the verifier knew',
    { verify: { pass: examplePass({ ageMs: 60_000, remembered: true }) } },
    'integrity',
    'green',
  ],
  ['most keys on their way', { verify: { settled: 10, equal: 10, pending: 90 } }, 'compared', 'red'],
  ['most keys too hot to compare', { verify: { settled: 10, equal: 10, hot: 90 } }, 'compared', 'red'],
  ['a few keys on their way', { verify: { settled: 95, equal: 95, pending: 5 } }, 'compared', 'green'],
  ['0 of 0 compared (L7)', { verify: { settled: 0, equal: 0 } }, 'compared', 'unknown'],
  ['no whole pass (L7)', { verify: { passes: 0, pass: null } }, 'compared', 'unknown'],
  ['an impact of too few windows (L7)', { impact: { windows: 5 } }, 'impact', 'unknown'],
  [
    'an impact far too high in one pair of windows (L7)',
    { impact: { percent: 90, low: 90, high: 90, windows: 1 } },
    'impact',
    'unknown',
  ],
  ['a silent verifier (L7)', { verify: stale(VERIFY_STALE_MS + 1) }, 'sessions', 'unknown'],
  ['a verifier that nobody can date (L7)', { verify: undated, only: 'v1' }, 'sessions', 'unknown'],
  ['no verifier (L7)', { verify: null }, 'sessions', 'unknown'],
  [
    'one lost session',
    { verify: { sessions: { live: 10, migrated: 9, lost: 1 } }, only: 'v1' },
    'sessions',
    'red',
  ],
  ['a session on its way', { verify: { sessions: { live: 10, migrated: 9, lost: 0 } } }, 'sessions', 'green'],
  [
    'sessions that nobody can account for (L7)',
    { verify: { sessions: { live: 10, migrated: 0, lost: 0 } } },
    'sessions',
    'red',
  ],
  [
    '0 of 0 sessions (L7)',
    { verify: { sessions: { live: 0, migrated: 0, lost: 0 } } },
    'sessions',
    'unknown',
  ],
  ['no census (L7)', { verify: { census: { passes: 0, pass: null } } }, 'sessions', 'unknown'],
  [
    'a census without the datasets of sessions (L7)',
    { verify: { census: exampleCensus('v1', { pass: examplePass({ datasets: ['others'] }) }) } },
    'sessions',
    'unknown',
  ],
  [
    'a census of long ago (L7)',
    {
      verify: {
        census: exampleCensus('v1', { pass: examplePass({ datasets: ['sessions'], ageMs: 900_001 }) }),
      },
    },
    'sessions',
    'unknown',
  ],
  [
    'a census by an earlier life of the verifier, under a sync that has just begun anew',
    {
      sync: { joined: [] },
      verify: {
        sessions: { live: 10, migrated: 9, lost: 1 },
        census: exampleCensus('v1', { pass: examplePass({ datasets: ['sessions'], remembered: true }) }),
      },
    },
    'sessions',
    'red',
  ],
  [
    'sessions that have not joined yet',
    {
      sync: { joined: ['matches', 'embeddings'] },
      verify: {
        pass: examplePass({ datasets: ['matches', 'embeddings'] }),
        sessions: { live: 0, migrated: 0, lost: 0 },
        census: { passes: 0, pass: null },
      },
    },
    'sessions',
    'green',
  ],
  [
    'a census that has ended before any whole pass with the sessions',
    { verify: { pass: examplePass({ datasets: ['matches', 'embeddings'] }) } },
    'sessions',
    'green',
  ],
  [
    'a whole pass without the sessions, which only the census has counted (L7)',
    { verify: { pass: examplePass({ datasets: ['matches', 'embeddings'] }) } },
    'integrity',
    'unknown',
  ],
  ['a link without sessions whose verifier is silent', { verify: null, only: 'nexten' }, 'sessions', 'green'],
  ['94 % of the cache kept', { verify: { cache: { source: 100, target: 94 } } }, 'cacheHits', 'red'],
  ['95 % of the cache kept', { verify: { cache: { source: 100, target: 95 } } }, 'cacheHits', 'green'],
  ['0 of 0 cached keys (L7)', { verify: { cache: { source: 0, target: 0 } } }, 'cacheHits', 'unknown'],
  ['an impact that was never measured (L7)', { impact: null }, 'impact', 'unknown'],
  ['an impact that nobody can date (L7)', { impact: undated }, 'impact', 'unknown'],
  ['an impact measured long ago (L7)', { impact: stale(IMPACT_STALE_MS + 1) }, 'impact', 'unknown'],
  [
    'an impact above the limit that may be noise (L7)',
    { impact: { percent: 9, low: 4.9, high: 13 } },
    'impact',
    'unknown',
  ],
  [
    'an impact below the limit that may be noise (L7)',
    { impact: { percent: 1, low: -20, high: 5 } },
    'impact',
    'unknown',
  ],
  ['an impact above the limit for sure', { impact: { percent: 9, low: 5.1, high: 13 } }, 'impact', 'red'],
  ['an impact below the limit for sure', { impact: { percent: 2, low: -20, high: 4.9 } }, 'impact', 'green'],
  ['an impact near the limit for sure', { impact: { percent: 3.1, low: 1, high: 4.9 } }, 'impact', 'alert'],
  ['many waiting changes', { sync: { pending: { toTarget: PENDING_LIMIT, toSource: 0 } } }, 'pending', 'red'],
  ['a backlog on the way back', { sync: { pending: { toTarget: 0, toSource: 99_999 } } }, 'pending', 'green'],
  ['a running scan (L7)', { sync: { state: 'scanning' }, only: 'v1' }, 'pending', 'unknown'],
  ['one value in quarantine (L11)', { sync: { quarantined: 1 }, only: 'v1' }, 'quarantine', 'red'],
  [
    'a stopped direction (L5)',
    { sync: { breaker: { side: 'source', reason: 'V1 came back empty' } } },
    'breaker',
    'red',
  ],
];

test.each(LADDER)('%s makes the gate what the ladder says', (_what, world, name, verdict, authority) => {
  const gate = gates(world, authority).find((found) => found.name === name);
  expect(gate?.verdict).toBe(verdict);
  expect(gate?.reason).not.toBe('');
});

test('red and unknown hold the migration, alert and green do not (L7)', () => {
  const of = (verdict: Verdict) => blocks({ name: 'lag', value: 1, limit: 1, verdict, reason: 'because' });
  expect([of('green'), of('alert'), of('red'), of('unknown'), of('waived')]).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
});

const NOISY: World = { impact: { percent: 133, low: -20, high: 233 } };

test('an impact that cannot be measured is shown as its interval and never as a figure, and blocks (L7)', () => {
  const gate = gates(NOISY).find(({ name }) => name === 'impact');
  expect(gate).toEqual({
    name: 'impact',
    limit: 5,
    value: null,
    verdict: 'unknown',
    waivable: true,
    reason: 'not measurable here (−20 to 233 %): the interval holds the limit of 5 %',
  });
  expect(gate && blocks(gate)).toBe(true);
  const sure = gates({ impact: { percent: 133, low: 12, high: 233 } }).find(({ name }) => name === 'impact');
  expect(sure).toMatchObject({ value: null, reason: 'the apps answer 12 to 233 % slower with our work on' });
});

describe('a waiver', () => {
  const waive = [
    { gate: 'impact', reason: 'one machine' },
    { gate: 'sessions', reason: 'nobody is logged in at night', by: 'ann' },
  ] as const;
  const judged = (world: World, name: Gate['name']) =>
    judge(exampleSnapshot(world), { ...plan, gates: { ...plan.gates, waive } }, 'source').find(
      (gate) => gate.name === name,
    );

  test('lets the gate that it names pass while there is nothing to measure by, and says who said so and why', () => {
    expect(judged(NOISY, 'impact')).toEqual({
      name: 'impact',
      limit: 5,
      value: null,
      verdict: 'waived',
      reason:
        'not measurable here (−20 to 233 %): the interval holds the limit of 5 %; waived by the plan: one machine',
    });
    expect(judged({ verify: { sessions: { live: 0, migrated: 0, lost: 0 } } }, 'sessions')).toMatchObject({
      verdict: 'waived',
      reason:
        'no live session has been seen: 0 of 0 proves nothing; waived by ann: nobody is logged in at night',
    });
  });

  test('is not needed where the gate is measured', () => {
    expect(judged({}, 'impact')).toMatchObject({ verdict: 'green', value: 1 });
  });

  const HELD: readonly [string, World, Gate['name'], Verdict][] = [
    ['a proven impact', { impact: { percent: 9, low: 5.1, high: 13 } }, 'impact', 'red'],
    ['an impact that nobody has measured (L7)', { impact: null }, 'impact', 'unknown'],
    ['an impact measured long ago (L7)', { impact: stale(IMPACT_STALE_MS + 1) }, 'impact', 'unknown'],
    ['an impact of too few windows (L7)', { impact: { windows: 5 } }, 'impact', 'unknown'],
    ['a lost session', { verify: { sessions: { live: 1, migrated: 0, lost: 1 } } }, 'sessions', 'red'],
    [
      'sessions that nobody has counted (L7)',
      { verify: { census: { passes: 0, pass: null } } },
      'sessions',
      'unknown',
    ],
    ['another gate', { verify: { cache: { source: 0, target: 0 } } }, 'cacheHits', 'unknown'],
  ];
  test.each(HELD)('does not cover %s', (_what, world, name, verdict) => {
    expect(judged(world, name)?.verdict).toBe(verdict);
  });
});

test('a stopped direction tells why', () => {
  const world: World = { sync: { breaker: { side: 'source', reason: 'V1 came back empty' } }, only: 'v1' };
  expect(gates(world).find(({ name }) => name === 'breaker')?.reason).toBe('v1: V1 came back empty');
});

test('a plan without caches has no hits to keep', () => {
  const datasets = plan.datasets.filter((dataset) => dataset.role !== 'cache');
  const [gate] = judge(
    exampleSnapshot({ verify: { cache: { source: 0, target: 0 } } }),
    { ...plan, datasets },
    'source',
  ).filter(({ name }) => name === 'cacheHits');
  expect(gate?.verdict).toBe('green');
});

test('a snapshot of no link at all is unknown, not green (L7)', () => {
  const verdicts = judge({ links: [], impact: null, authority: null }, plan, 'source').map(
    (gate) => gate.verdict,
  );
  expect(new Set(verdicts)).toEqual(new Set(['unknown']));
});
