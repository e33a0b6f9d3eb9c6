import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Side } from '../../domain/side.ts';
import type { Attempt } from '../../redis/sync/attempt.ts';
import type { Guarded } from '../../redis/sync/guarded.ts';
import { rememberWitnesses } from '../../redis/sync/remember.ts';
import type { WitnessRecord } from '../../redis/sync/witness-record.ts';
import { attemptOn } from '../support/begin-attempt.ts';
import { withRedis } from '../support/redis.ts';

const [v1, v2] = [withRedis(), withRedis()];

test('L5 two that are written down at once, one of them slowly: no side ever gets an older mark after a newer one', async () => {
  const attempt = await attemptOn(v1, v2);
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
