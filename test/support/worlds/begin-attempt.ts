import { onTestFinished } from 'vitest';
import { linksOf } from '../../../domain/plan/plan.ts';
import { wholeOf } from '../../../domain/keys/shard.ts';
import { type Attempt, beginAttempt } from '../../../redis/replication/attempt/attempt.ts';
import { openConnections, TIMEOUTS } from '../../../redis/replication/store/connections.ts';
import { claimed } from './claimed.ts';
import type { TestRedis } from '../servers/redis.ts';
import { dataset, planOf } from './sync-world.ts';

/** Begins an attempt on claimed stores. It has its lease and runs no loop yet. Its connections close with the test. */
export async function attemptOn(v1: TestRedis, v2: TestRedis): Promise<Attempt> {
  await claimed(v1.client, v2.client);
  const plan = planOf([dataset({ name: 'match' })]);
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const environment = { SOURCE_V1: v1.server.url(), TARGET_V2: v2.server.url() };
  const lines = await openConnections(wholeOf(link), environment, TIMEOUTS);
  onTestFinished(() => lines.close());
  return beginAttempt(wholeOf(link), { plan }, lines);
}
