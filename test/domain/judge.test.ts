import { expect, test } from 'vitest';
import { IMPACT_STALE_MS, SYNC_STALE_MS, VERIFY_STALE_MS } from '../../domain/fresh.ts';
import type { Gate, Verdict } from '../../domain/gate.ts';
import { blocks, judge, PENDING_LIMIT } from '../../domain/judge.ts';
import type { Side } from '../../domain/side.ts';
import { examplePlan } from '../support/example-plan.ts';
import { exampleSnapshot, type World } from '../support/example-snapshot.ts';

const NOW = 1_000_000;
const plan = examplePlan();

function gates(world: World, authority: Side = 'source'): readonly Gate[] {
  return judge(exampleSnapshot(NOW, world), plan, authority, NOW);
}

test('a world in which all is well is green at every gate, each named once', () => {
  expect(gates({}).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
    'lag green',
    'integrity green',
    'sessions green',
    'cacheHits green',
    'impact green',
    'pending green',
    'quarantine green',
    'breaker green',
  ]);
});

const lag = (toTarget: number | null, toSource: number | null) => ({
  sync: { lagMs: { toTarget: { p50: 0, p99: toTarget }, toSource: { p50: 0, p99: toSource } } },
});
const stale = (ms: number) => ({ at: NOW - ms });

const LADDER: readonly [string, World, Gate['name'], Verdict, Side?][] = [
  ['lag at its limit', lag(100, 1), 'lag', 'red'],
  ['lag just below its limit', lag(99.9, 1), 'lag', 'green'],
  ['lag of one link alone', { ...lag(500, 1), only: 'nexten' }, 'lag', 'red'],
  ['lag away from the target, which does not serve', lag(1, 5_000), 'lag', 'green'],
  ['lag away from the target, which serves', lag(1, 5_000), 'lag', 'red', 'target'],
  ['lag that nobody measured (L7)', lag(null, 1), 'lag', 'unknown'],
  ['a sync at the edge of silence', { sync: stale(SYNC_STALE_MS) }, 'lag', 'green'],
  ['a silent sync (L7)', { sync: stale(SYNC_STALE_MS + 1), only: 'v1' }, 'lag', 'unknown'],
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
  ['no complete pass (L7)', { verify: { passes: 0 }, only: 'v1' }, 'integrity', 'unknown'],
  ['a silent verifier (L7)', { verify: stale(VERIFY_STALE_MS + 1) }, 'sessions', 'unknown'],
  ['no verifier (L7)', { verify: null }, 'sessions', 'unknown'],
  [
    'one lost session',
    { verify: { sessions: { live: 10, migrated: 9, lost: 1 } }, only: 'v1' },
    'sessions',
    'red',
  ],
  ['a session on its way', { verify: { sessions: { live: 10, migrated: 9, lost: 0 } } }, 'sessions', 'green'],
  ['94 % of the cache kept', { verify: { cache: { source: 100, target: 94 } } }, 'cacheHits', 'red'],
  ['95 % of the cache kept', { verify: { cache: { source: 100, target: 95 } } }, 'cacheHits', 'green'],
  ['0 of 0 cached keys (L7)', { verify: { cache: { source: 0, target: 0 } } }, 'cacheHits', 'unknown'],
  ['an impact that was never measured (L7)', { impact: null }, 'impact', 'unknown'],
  ['an impact measured long ago (L7)', { impact: stale(IMPACT_STALE_MS + 1) }, 'impact', 'unknown'],
  [
    'an impact above the limit that may be noise',
    { impact: { percent: 9, low: 4.9, high: 13 } },
    'impact',
    'alert',
  ],
  ['an impact above the limit for sure', { impact: { percent: 9, low: 5.1, high: 13 } }, 'impact', 'red'],
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
  expect([of('green'), of('alert'), of('red'), of('unknown')]).toEqual([false, false, true, true]);
});

test('a stopped direction tells why', () => {
  const world: World = { sync: { breaker: { side: 'source', reason: 'V1 came back empty' } }, only: 'v1' };
  expect(gates(world).find(({ name }) => name === 'breaker')?.reason).toBe('v1: V1 came back empty');
});

test('a plan without caches has no hits to keep', () => {
  const datasets = plan.datasets.filter((dataset) => dataset.role !== 'cache');
  const [gate] = judge(
    exampleSnapshot(NOW, { verify: { cache: { source: 0, target: 0 } } }),
    { ...plan, datasets },
    'source',
    NOW,
  ).filter(({ name }) => name === 'cacheHits');
  expect(gate?.verdict).toBe('green');
});

test('a snapshot of no link at all is unknown, not green (L7)', () => {
  const verdicts = judge({ at: NOW, links: [], impact: null, authority: null }, plan, 'source', NOW).map(
    (gate) => gate.verdict,
  );
  expect(new Set(verdicts)).toEqual(new Set(['unknown']));
});
