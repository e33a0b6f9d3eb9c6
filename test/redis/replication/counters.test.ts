import { expect, it } from 'vitest';
import { Counters } from '../../../redis/replication/attempt/counters.ts';

it('one late sample, or one quick one, is no percentile: the lag is not measured before there are some (L7)', () => {
  const counters = new Counters();
  for (const [count, p99] of [
    [1, null],
    [2, null],
    [3, 3],
  ] as const) {
    counters.arrived('target', count, 1_000 + count);
    expect(counters.lag(2_000)).toEqual({
      toTarget: { p50: p99 && 2, p99 },
      toSource: { p50: null, p99: null },
    });
  }
  expect(counters.lag(60_000).toTarget.p99).toBeNull();
});
