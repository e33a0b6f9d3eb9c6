import type { Redis } from 'ioredis';
import { byteString } from '../key-bytes.ts';

/** The feed can have missed something: the attempt ends, the next one re-scans (L8). */
export class FeedLost extends Error {
  override readonly name = 'FeedLost';
}

/**
 * Keys that changed on one server, by CLIENT TRACKING in broadcast mode, also by expiry and eviction. Needs no
 * server configuration. Events carry no database number: on a shared server other databases' keys come too, and
 * a look at them finds nothing changed.
 *
 * - `subscriber` speaks RESP2: ioredis 6 drops RESP3 pushes in silence.
 * - `messageBuffer`, not `message`: there ioredis joins several keys with commas.
 * - The tracker has no NOLOOP: its own barrier keys must come back.
 */
export async function openFeed(
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

/** The subscriber was killed since it told its id. */
function isGone(error: unknown): boolean {
  return error instanceof Error && error.message.includes('redirect to does not exist');
}
