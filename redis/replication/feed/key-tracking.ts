import type { Redis } from 'ioredis';
import { byteString } from '../../client/key-bytes.ts';

/** The feed may have missed events. The attempt ends, and the next one scans all keys again. */
export class FeedLost extends Error {
  override readonly name = 'FeedLost';
}

/**
 * Tracks the keys that change on one server, with CLIENT TRACKING in broadcast mode. It also names keys that expire or
 * that the server evicts. The server needs no configuration for it. An event carries no database number. So on a shared
 * server the feed also names keys of other databases. The reconciler then reads our key of that name and finds no
 * change.
 *
 * - `subscriber` speaks RESP2, because ioredis 6 drops RESP3 push messages without an error.
 * - The handler listens to `messageBuffer`, not to `message`, because there ioredis joins several keys with commas.
 * - The tracker does not set NOLOOP, because the events of its own barrier keys must come back.
 *
 * @param heard called with the changed keys, or with 'everything' after a flush
 * @param lost called when one of the two connections closes
 * @throws FeedLost when the subscriber's connection closed before the tracking began
 */
export async function trackKeys(
  tracker: Redis,
  subscriber: Redis,
  prefixes: readonly string[],
  heard: (keys: readonly string[] | 'everything') => void,
  lost: (error: FeedLost) => void,
): Promise<void> {
  for (const connection of [tracker, subscriber])
    connection.once('close', () => lost(new FeedLost('the feed connection closed')));
  const id = String(await subscriber.client('ID'));
  await subscriber.subscribe('__redis__:invalidate');
  subscriber.on('messageBuffer', (_channel: Buffer, keys: Buffer | Buffer[] | null) => {
    if (keys === null) heard('everything');
    else heard(Array.isArray(keys) ? keys.map(byteString) : [byteString(keys)]);
  });
  const scope = prefixes.includes('')
    ? []
    : prefixes.flatMap((prefix) => ['PREFIX', Buffer.from(prefix, 'latin1')]);
  await tracker
    .call('CLIENT', ['TRACKING', 'ON', 'REDIRECT', id, 'BCAST', ...scope])
    .catch((error: unknown) => {
      throw isGone(error) ? new FeedLost('the subscriber was gone before the tracking began') : error;
    });
}

/** Returns true when the server closed the subscriber's connection after that connection had read its id. */
function isGone(error: unknown): boolean {
  return error instanceof Error && error.message.includes('redirect to does not exist');
}
