import { expect, test } from 'vitest';
import { STATE_BYTES } from '../../../domain/protocol/protocol.ts';
import { BaselineKeys, printOf } from '../../../redis/replication/reconcile/baseline-keys.ts';

const state = (i: number) => String.fromCharCode(i).repeat(STATE_BYTES);

test('L2 L6: of thousands of keys each is known in the state that it had, and in no other', () => {
  const keys = Array.from({ length: 5_000 }, (_, i) => `match:\xff${i}`);
  const own = new BaselineKeys(Buffer.concat(keys.map((key, i) => printOf(key, state(i % 200)))));
  for (const [i, key] of keys.entries()) {
    expect(own.holds(key, state(i % 200))).toBe(true);
    expect(own.holds(key, state((i % 200) + 1))).toBe(false);
    expect(own.holds(`${key}0`.replace('match', 'born'), state(i % 200))).toBe(false);
  }
  expect(BaselineKeys.NONE.holds('match:1', state(1))).toBe(false);
});

test('a large key is known without a state, and is not taken for another', () => {
  const own = new BaselineKeys(printOf('large', ''));
  expect(own.holds('large', '')).toBe(true);
  expect(own.holds('large', state(1))).toBe(false);
  expect(own.holds('', 'large')).toBe(false);
});
