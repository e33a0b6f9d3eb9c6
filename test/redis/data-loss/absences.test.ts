import { expect, test } from 'vitest';
import { ABSENT, type NextStep } from '../../../domain/protocol/protocol.ts';
import { REASONS } from '../../../domain/protocol/loss-suspicion.ts';
import { AbsenceProofs, applyBreaker } from '../../../redis/replication/reconcile/step-decision.ts';
import type { Attempt } from '../../../redis/replication/attempt/attempt.ts';
import { readBothSides, type KeyView } from '../../../redis/replication/reconcile/key-reader.ts';
import { attemptOn } from '../../support/worlds/begin-attempt.ts';
import { withRedis } from '../../support/servers/redis.ts';

const [v1, v2] = [withRedis(), withRedis()];
const GONE: NextStep = { do: 'carry', to: 'target', conflict: false, absence: true };

async function looked(attempt: Attempt, key: string): Promise<KeyView> {
  const [pair] = await readBothSides(attempt, [{ key, since: {} }], () => ({
    source: 'value',
    target: 'value',
  }));
  return pair as KeyView;
}

/** Makes V1 evict every key that has an expiry. */
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
  const absences = new AbsenceProofs(breaker);
  expect(await applyBreaker(breaker, deleted, GONE, absences)).toEqual(GONE);
  expect(await applyBreaker(breaker, evicted, GONE, absences)).toEqual({ do: 'hold', side: 'source' });
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
  const carried: NextStep = { do: 'carry', to: 'source', conflict: true, absence: false };
  expect(await applyBreaker(breaker, contested, carried, new AbsenceProofs(breaker))).toMatchObject({
    do: 'hold',
  });
  expect(breaker.suspects().map(({ side }) => side)).toEqual(['target', 'source']);
});
