import { expect, test } from 'vitest';
import { DirtySet } from '../../../redis/replication/reconcile/dirty-set.ts';

test('L2: parked work is looked at on both sides again, whichever is heard of', () => {
  const dirty = new DirtySet();
  dirty.mark('k', 'target', 1);
  const [change] = dirty.take(64);
  if (change) dirty.park(change, null, 2);
  dirty.mark('k', 'source', 3);
  expect(dirty.take(64)).toEqual([{ key: 'k', since: { source: 3, target: 3 } }]);
});

test('a key is in one hand at a time, and a change meanwhile marks it again', () => {
  const dirty = new DirtySet();
  dirty.mark('k', 'source', 1);
  const [first] = dirty.take(64);
  dirty.mark('k', 'target', 2);
  expect(dirty.take(64)).toEqual([]);
  if (first) dirty.complete(first, 'done', 3);
  expect(dirty.take(64)).toEqual([{ key: 'k', since: { target: 2 } }]);
});

test('L2: a change that waits for the fenced side to open does not hold up the drain of that side', () => {
  const dirty = new DirtySet();
  dirty.mark('k', 'source', 1);
  dirty.mark('k', 'target', 1);
  const [change] = dirty.take(64);
  expect(dirty.pendingFrom('source')).toBe(1);
  if (change) dirty.park(change, 'source', 2);
  expect([dirty.pendingFrom('source'), dirty.pendingFrom('target')]).toEqual([0, 1]);
});

test('L8: work that is parked after the word it would wait for is looked at again, not kept for ever', () => {
  const dirty = new DirtySet();
  dirty.mark('k', 'source', 1);
  const [change] = dirty.take(64);
  dirty.unpark(2);
  if (change) dirty.park(change, 'target', 3);
  expect(dirty.parked).toBe(0);
  expect(dirty.take(64)).toEqual([{ key: 'k', since: { source: 1, target: 3 } }]);
});

test('parked work that is in a hand again stays in it when the word comes', () => {
  const dirty = new DirtySet();
  dirty.mark('k', 'source', 1);
  const [parked] = dirty.take(64);
  if (parked) dirty.park(parked, null, 2);
  dirty.mark('k', 'target', 3);
  const [change] = dirty.take(64);
  dirty.unpark(4);
  expect(dirty.take(64)).toEqual([]);
  if (change) dirty.complete(change, 'done', 5);
  expect(dirty.take(64)).toHaveLength(1);
});

test('L2: a key that a scan finds waiting is looked at before either side has drained', () => {
  const dirty = new DirtySet();
  dirty.mark('k', 'target', 1);
  expect(dirty.checkOut(['k'], 2)).toEqual([]);
  expect([dirty.pendingFrom('source'), dirty.pendingFrom('target')]).toEqual([1, 1]);
});
