import { expect, test } from 'vitest';
import { DirtyKeys } from '../../redis/sync/dirty-keys.ts';

test('L2: parked work is looked at on both sides again, whichever is heard of', () => {
  const dirty = new DirtyKeys();
  dirty.mark('k', 'target', 1);
  const [change] = dirty.take(64);
  if (change) dirty.giveBack(change, 'parked', 2);
  dirty.mark('k', 'source', 3);
  expect(dirty.take(64)).toEqual([{ key: 'k', since: { source: 3, target: 3 } }]);
});

test('a key is in one hand at a time, and a change meanwhile marks it again', () => {
  const dirty = new DirtyKeys();
  dirty.mark('k', 'source', 1);
  const [first] = dirty.take(64);
  dirty.mark('k', 'target', 2);
  expect(dirty.take(64)).toEqual([]);
  if (first) dirty.giveBack(first, 'done', 3);
  expect(dirty.take(64)).toEqual([{ key: 'k', since: { target: 2 } }]);
});
