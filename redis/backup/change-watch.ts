import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Store } from '../../domain/plan/plan.ts';
import { type Environment, openStore } from '../client/connection.ts';

/** Keys that are remembered at most, about 40 MB. Beyond that, a change can no longer explain a difference. */
const REMEMBERED_KEYS = 1_000_000;

/**
 * Remembers which keys of a server have changed since the watch was opened. It covers every database, because the
 * events carry no database number. It is opened before the snapshot, so the proof can distinguish an app's write from
 * a broken backup.
 *
 * `settle` is a barrier: after it, every change that was made before its call is known. The server adds the event of
 * a write to the output of the feed at the end of its event-loop turn. So the event comes before the reply to a later
 * PING on that connection.
 */
export type ChangeWatch = {
  readonly settle: () => Promise<void>;
  readonly hasChanged: (key: Buffer) => boolean;
  /** True when more keys changed than the watch can remember. */
  readonly overflowed: () => boolean;
  readonly close: () => void;
};

/**
 * Opens a watch on the server of a store.
 *
 * @throws StoreUnreachable; `settle` throws `WatchLost` when events may have been missed
 */
export async function watchChanges(store: Store, environment: Environment): Promise<ChangeWatch> {
  const feed = await openStore(store, environment, 'backup-feed');
  const tracker = await openTracker(store, environment, feed);
  const seen = new Set<number>();
  let overflowed = false;
  let lost = false;
  for (const link of [feed, tracker]) link.on('close', () => (lost = true));
  // The payload is a list of keys. The event `message` would join them to one text, so we use `messageBuffer`.
  feed.on('messageBuffer', (_channel: Buffer, keys: Buffer[] | null) => {
    // `null` means a flush. Every key has changed, so no key is left that could prove the snapshot.
    if (keys === null) lost = true;
    else for (const key of keys) overflowed ||= !remember(seen, key);
  });
  return {
    settle: async () => {
      await Promise.all([feed.ping(), tracker.ping()]).catch(() => (lost = true));
      if (lost) throw new WatchLost(store.name);
    },
    hasChanged: (key) => seen.has(fingerprint(key)),
    overflowed: () => overflowed,
    close: () => {
      feed.disconnect();
      tracker.disconnect();
    },
  };
}

async function openTracker(store: Store, environment: Environment, feed: Redis): Promise<Redis> {
  let tracker: Redis | null = null;
  try {
    const id = await feed.client('ID');
    await feed.subscribe('__redis__:invalidate');
    tracker = await openStore(store, environment, 'backup-tracking');
    await tracker.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST');
    return tracker;
  } catch (error) {
    feed.disconnect();
    tracker?.disconnect();
    throw error;
  }
}

function remember(seen: Set<number>, key: Buffer): boolean {
  if (seen.size < REMEMBERED_KEYS) seen.add(fingerprint(key));
  return seen.size < REMEMBERED_KEYS;
}

/** 48 bits of a hash. With a million keys, one question has a wrong match with a chance of 1 in 280 million. */
function fingerprint(key: Buffer): number {
  return createHash('sha1').update(key).digest().readUIntBE(0, 6);
}

/** Events may have been missed, so the backup must be taken again. */
export class WatchLost extends Error {
  override readonly name = 'WatchLost';
  constructor(store: string) {
    super(`store ${store}: the change feed was lost while the backup was proven`);
  }
}
