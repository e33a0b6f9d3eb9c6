import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { linksOf } from '../../domain/link.ts';
import { wholeOf } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { type Attempt, beginAttempt } from '../../redis/sync/attempt.ts';
import { openConnections } from '../../redis/sync/connections.ts';
import type { Guarded } from '../../redis/sync/guarded.ts';
import { PATIENCE } from '../../redis/sync/patience.ts';
import { rememberWitnesses } from '../../redis/sync/remember.ts';
import type { WitnessRecord } from '../../redis/sync/witness-record.ts';
import { claimed } from '../support/claimed.ts';
import { withRedis } from '../support/redis.ts';
import { dataset, planOf } from '../support/sync-world.ts';

const [v1, v2] = [withRedis(), withRedis()];

async function begun(): Promise<Attempt> {
  const plan = planOf([dataset({ name: 'match' })]);
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const environment = { SOURCE_V1: v1.server.url(), TARGET_V2: v2.server.url() };
  const lines = await openConnections(wholeOf(link), environment, PATIENCE);
  onTestFinished(() => lines.close());
  return beginAttempt(wholeOf(link), { plan }, lines);
}

test('L5 two that are written down at once, one of them slowly: no side ever gets an older mark after a newer one', async () => {
  await claimed(v1.client, v2.client);
  const attempt = await begun();
  let second: Promise<void> | null = null;
  const marks: Record<Side, string[]> = { source: [], target: [] };
  const told = (side: Side): Guarded => {
    return async (command, key, ...rest) => {
      const waits = side === 'source' ? second : null;
      if (waits) second = null;
      if (waits) await Promise.race([waits, delay(200)]);
      marks[side].push((JSON.parse(String(rest[0])) as WitnessRecord).mark);
      return attempt.guards[side](command, key, ...rest);
    };
  };
  const slow: Attempt = { ...attempt, guards: { source: told('source'), target: told('target') } };
  const first = rememberWitnesses(slow);
  second = rememberWitnesses(slow);
  await Promise.all([first, second]);
  expect(marks.source).toHaveLength(2);
  expect(marks.target).toHaveLength(4);
  for (const side of ['source', 'target'] as const) expect(marks[side]).toEqual([...marks[side]].sort());
});
