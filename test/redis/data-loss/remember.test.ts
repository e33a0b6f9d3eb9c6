import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import type { Attempt } from '../../../redis/replication/attempt/attempt.ts';
import type { FencedWrite } from '../../../redis/replication/store/lease.ts';
import { writeWatermarks } from '../../../redis/replication/attempt/watermark-writer.ts';
import type { WatermarkRecord } from '../../../redis/replication/breaker/watermark.ts';
import { attemptOn } from '../../support/worlds/begin-attempt.ts';
import { withRedis } from '../../support/servers/redis.ts';

const [v1, v2] = [withRedis(), withRedis()];

test('L5 two that are written down at once, one of them slowly: no side ever gets an older mark after a newer one', async () => {
  const attempt = await attemptOn(v1, v2);
  let second: Promise<void> | null = null;
  const marks: Record<Side, string[]> = { source: [], target: [] };
  const told = (side: Side): FencedWrite => {
    return async (command, key, ...rest) => {
      const waits = side === 'source' ? second : null;
      if (waits) second = null;
      if (waits) await Promise.race([waits, delay(200)]);
      marks[side].push((JSON.parse(String(rest[0])) as WatermarkRecord).mark);
      return attempt.guards[side](command, key, ...rest);
    };
  };
  const slow: Attempt = { ...attempt, guards: { source: told('source'), target: told('target') } };
  const first = writeWatermarks(slow);
  second = writeWatermarks(slow);
  await Promise.all([first, second]);
  expect(marks.source).toHaveLength(2);
  expect(marks.target).toHaveLength(4);
  for (const side of ['source', 'target'] as const) expect(marks[side]).toEqual([...marks[side]].sort());
});
