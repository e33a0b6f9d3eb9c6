import { expect, onTestFinished, test } from 'vitest';
import { ABSENT } from '../../domain/digest.ts';
import { linksOf } from '../../domain/link.ts';
import type { Step } from '../../domain/protocol.ts';
import { wholeOf } from '../../domain/shard.ts';
import { REASONS } from '../../domain/suspicion.ts';
import { Absences } from '../../redis/sync/absences.ts';
import { type Attempt, beginAttempt } from '../../redis/sync/attempt.ts';
import { contextOf } from '../../redis/sync/changes.ts';
import { openConnections } from '../../redis/sync/connections.ts';
import { look } from '../../redis/sync/look.ts';
import type { Pair } from '../../redis/sync/pair.ts';
import { PATIENCE } from '../../redis/sync/patience.ts';
import { ruled } from '../../redis/sync/ruled.ts';
import { claimed } from '../support/claimed.ts';
import { withRedis } from '../support/redis.ts';
import { dataset, planOf } from '../support/sync-world.ts';

const [v1, v2] = [withRedis(), withRedis()];
const GONE: Step = { do: 'carry', to: 'target', conflict: false, absence: true };

async function begun(): Promise<Attempt> {
  const plan = planOf([dataset({ name: 'match' })]);
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const environment = { SOURCE_V1: v1.server.url(), TARGET_V2: v2.server.url() };
  const lines = await openConnections(wholeOf(link), environment, PATIENCE);
  onTestFinished(() => lines.close());
  return beginAttempt(wholeOf(link), { plan }, lines);
}

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
  await claimed(v1.client, v2.client);
  await v1.client.set('match:evicted', 'value', 'EX', 1_000);
  const attempt = await begun();
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
  await claimed(v1.client, v2.client);
  await v2.client.set('match:contested', 'value');
  await v1.client.set('match:contested', 'value', 'EX', 1_000);
  const attempt = await begun();
  const { breaker } = attempt;
  await evict();
  const contested = await looked(attempt, 'match:contested');
  breaker.suspect('target', REASONS.older, '');
  const carried: Step = { do: 'carry', to: 'source', conflict: true, absence: false };
  expect(await ruled(breaker, contested, carried, new Absences(breaker))).toMatchObject({ do: 'hold' });
  expect(breaker.suspects().map(({ side }) => side)).toEqual(['target', 'source']);
});
