import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { FeedLost, trackKeys } from '../../../redis/replication/feed/key-tracking.ts';
import { withRedis } from '../../support/servers/redis.ts';

const server = withRedis();
const nothing = () => undefined;

test('a subscriber that is killed before the tracking begins is a feed that is lost (L8)', async () => {
  const [tracker, subscriber] = [await server.connect(), await server.connect()];
  const id = await subscriber.client('ID');
  const send = tracker.call.bind(tracker) as (name: string, args: string[]) => Promise<unknown>;
  // The kill comes between the subscriber's answers and the tracker's command.
  tracker.call = (async (name: string, args: string[]) => {
    await server.client.call('CLIENT', ['KILL', 'ID', String(id)]);
    return send(name, args);
  }) as Redis['call'];
  await expect(trackKeys(tracker, subscriber, [''], nothing, nothing)).rejects.toThrow(FeedLost);
});

test('what the server refuses for another reason is told as it is', async () => {
  const [tracker, subscriber] = [await server.connect(), await server.connect()];
  await expect(trackKeys(tracker, subscriber, ['a', 'ab'], nothing, nothing)).rejects.toThrow(/overlaps/);
});
