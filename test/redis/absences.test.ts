import { expect, test } from 'vitest';
import { ABSENT } from '../../domain/digest.ts';
import type { Step } from '../../domain/protocol.ts';
import { REASONS } from '../../domain/suspicion.ts';
import { Absences } from '../../redis/sync/absences.ts';
import type { Attempt } from '../../redis/sync/attempt.ts';
import { contextOf } from '../../redis/sync/changes.ts';
import { look } from '../../redis/sync/look.ts';
import type { Pair } from '../../redis/sync/pair.ts';
import { ruled } from '../../redis/sync/ruled.ts';
import { attemptOn } from '../support/begin-attempt.ts';
import { withRedis } from '../support/redis.ts';

const [v1, v2] = [withRedis(), withRedis()];
const GONE: Step = { do: 'carry', to: 'target', conflict: false, absence: true };

async function looked(attempt: Attempt, key: string): Promise<Pair> {
  const context = contextOf(attempt, () => Promise.resolve(new Set<string>()));
  const [pair] = await look(context, [{ key, since: {} }], () => ({ source: 'value', target: 'value' }));
  return pair as Pair;
}

/** Every key with an expiry goes. */
async function evict(): Promise<void> {
  const limit = (bytes: string) => ['config', 'SET', 'maxmemory', bytes];
  await v1.client.config('SET', 'maxmemory-policy', 'volatile-ttl');
  await v1.client.pipeline([limit('1'), ['ping'], limit('0')]).exec();
}

test('L5 a batch read in several looks: the proof of one absence says nothing of one that was read later', async () => {
  await v1.client.set('match:evicted', 'value', 'EX', 1_000);
  const attempt = await attemptOn(v1, v2);
  const { breaker } = attempt;
  const deleted = await looked(attempt, 'match:deleted');
  await evict();
  const evicted = await looked(attempt, 'match:evicted');
  expect(evicted.states.source.digest).toBe(ABSENT);
  const absences = new Absences(breaker);
  expect(await ruled(breaker, deleted, GONE, absences)).toEqual(GONE);
  expect(await ruled(breaker, evicted, GONE, absences)).toEqual({ do: 'hold', side: 'source' });
  expect(breaker.suspects()).toMatchObject([{ side: 'source', reason: REASONS.evicted }]);
});

test('L5 an absence that wins because the other side is suspect is vouched for like any other', async () => {
  await v2.client.set('match:contested', 'value');
  await v1.client.set('match:contested', 'value', 'EX', 1_000);
  const attempt = await attemptOn(v1, v2);
  const { breaker } = attempt;
  await evict();
  const contested = await looked(attempt, 'match:contested');
  breaker.suspect('target', REASONS.older, '');
  const carried: Step = { do: 'carry', to: 'source', conflict: true, absence: false };
  expect(await ruled(breaker, contested, carried, new Absences(breaker))).toMatchObject({ do: 'hold' });
  expect(breaker.suspects().map(({ side }) => side)).toEqual(['target', 'source']);
});
