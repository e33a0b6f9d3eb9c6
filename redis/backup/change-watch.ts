import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Store } from '../../domain/plan.ts';
import { type Environment, openStore } from '../connection.ts';

/** Some 40 MB. Beyond, changes are no longer remembered by key and a difference is no longer explained by one. */
const REMEMBERED_KEYS = 1_000_000;

/**
 * Remembers which keys of a server changed since it was opened, of every database (events carry no number).
 * Opened before the snapshot, it tells an app's write from a broken backup (L10).
 *
 * `settle` is a barrier: what changed before it was called is known after it. A write's event is put into the
 * feed's output at the end of the server's event-loop turn, hence before the reply to a later PING on it.
 */
export type ChangeWatch = {
  readonly settle: () => Promise<void>;
  readonly hasChanged: (key: Buffer) => boolean;
  /** Too many keys changed to remember them all. */
  readonly overflowed: () => boolean;
  readonly close: () => void;
};

/** @throws StoreUnreachable; `settle` throws `WatchLost` once events may have been missed */
export async function watchChanges(store: Store, environment: Environment): Promise<ChangeWatch> {
  const feed = await openStore(store, environment, 'backup-feed', { socketTimeout: undefined });
  const tracker = await openTracker(store, environment, feed);
  const seen = new Set<number>();
  let overflowed = false;
  let lost = false;
  for (const link of [feed, tracker]) link.on('close', () => (lost = true));
  // messageBuffer: the payload is a list of keys, which `message` would join to one text.
  feed.on('messageBuffer', (_channel: Buffer, keys: Buffer[] | null) => {
    // A flush: every key changed, so nothing is left that could prove the snapshot.
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
    tracker = await openStore(store, environment, 'backup-tracking', { socketTimeout: undefined });
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

/** 48 bits: among a million keys a wrong match has a chance of 1 in 280 million per question. */
function fingerprint(key: Buffer): number {
  return createHash('sha1').update(key).digest().readUIntBE(0, 6);
}

/** Events may have been missed; the backup has to be taken again. */
export class WatchLost extends Error {
  override readonly name = 'WatchLost';
  constructor(store: string) {
    super(`store ${store}: the change feed was lost while the backup was proven`);
  }
}
