import { describe, expect, test } from 'vitest';
import { LargeQueue } from '../../../redis/replication/large/large-queue.ts';
import { FailingKeys } from '../../../redis/replication/reconcile/failing-keys.ts';
import { WakeUp } from '../../../redis/replication/reconcile/wake-up.ts';

const never = new AbortController().signal;

/** Says whether a rest has ended, once everything that can run now has run. */
async function hasEnded(rest: Promise<void>): Promise<boolean> {
  let ended = false;
  void rest.then(() => (ended = true));
  await new Promise((resolve) => setImmediate(resolve));
  return ended;
}

describe('a loop that rests', () => {
  test('goes on at a ring, also at one that came while it worked, and then rests again', async () => {
    const wakeUp = new WakeUp();
    const first = wakeUp.rest(never);
    expect(await hasEnded(first)).toBe(false);
    wakeUp.ring();
    expect(await hasEnded(first)).toBe(true);
    wakeUp.ring();
    expect(await hasEnded(wakeUp.rest(never))).toBe(true);
    const ended = new AbortController();
    const last = wakeUp.rest(ended.signal);
    expect(await hasEnded(last)).toBe(false);
    ended.abort();
    expect(await hasEnded(last)).toBe(true);
    expect(await hasEnded(wakeUp.rest(ended.signal))).toBe(true);
  });

  test('goes on when its time is over', async () => {
    await new WakeUp().rest(never, 1);
  });

  test('for large keys goes on when a key comes, when a drain hurries, and when the next try is due', async () => {
    const queue = new LargeQueue();
    const waits = queue.awaitDue(0, never);
    expect(await hasEnded(waits)).toBe(false);
    queue.add({ key: 'large', since: {} }, 'change');
    expect(await hasEnded(waits)).toBe(true);
    const one = queue.take(0);
    if (!one) throw new Error('no key');
    queue.afterFailure(one, 0);
    await queue.awaitDue(0, never);
    const again = queue.awaitDue(0, never);
    expect(await hasEnded(again)).toBe(false);
    queue.hurry();
    expect(await hasEnded(again)).toBe(true);
    expect(queue.take(0)?.work.key).toBe('large');
  });

  test('for failing keys goes on when a key fails, when a drain hurries, and when a try is due', async () => {
    const failing = new FailingKeys();
    const waits = failing.awaitDue(0, never);
    expect(await hasEnded(waits)).toBe(false);
    failing.failed('k', 0);
    failing.rest({ key: 'k', since: {} }, 'change');
    expect(await hasEnded(waits)).toBe(true);
    const again = failing.awaitDue(0, never);
    expect(await hasEnded(again)).toBe(false);
    failing.hurry(0);
    expect(await hasEnded(again)).toBe(true);
    await failing.awaitDue(20, never);
    expect(failing.due(20, () => true).map(({ key }) => key)).toEqual(['k']);
  });
});

test('a failing key of the first scan counts as undecided until its try is over, so that the record of the baseline keys stays', () => {
  const failing = new FailingKeys();
  failing.failed('k', 0);
  failing.rest({ key: 'k', since: {} }, 'adopt');
  expect(failing.adopting).toBe(1);
  expect(failing.due(60_000, () => true)).toHaveLength(1);
  expect(failing.adopting).toBe(1);
  failing.tried('k');
  expect(failing.adopting).toBe(0);
});
