import type { Redis } from 'ioredis';
import type { Operation, WriteRecord } from '../../rehearsal/apps/record.ts';
import { send } from '../../rehearsal/apps/traffic.ts';
import type { AppEntry, Home } from '../../rehearsal/entry.ts';
import { writeEntries } from '../../rehearsal/fill/write.ts';
import { nameOnV2 } from '../../rehearsal/names.ts';

export type Stores = Readonly<Record<Home, Redis>>;

/**
 * Fills the stores, and V2 also with a copy of each source entry in V2's form, as a faultless migration leaves them.
 */
export async function fillBothSides(stores: Stores, entries: readonly AppEntry[]): Promise<void> {
  await writeEntries(stores, entries);
  await writeEntries(stores, entries.filter(({ home }) => home !== 'v2').map(copyOf));
}

function copyOf(entry: AppEntry): AppEntry {
  return { ...entry, home: 'v2', key: nameOnV2(entry.home, entry.key) };
}

let last = 0;

/** Writes as an app on one side. If `carried`, makes the same write on the other side with the same absolute expiry. */
export async function write(
  stores: Stores,
  entry: Pick<AppEntry, 'home' | 'key' | 'spelling'>,
  operation: Operation,
  { app = 'v1', carried = true }: { app?: WriteRecord['app']; carried?: boolean } = {},
): Promise<WriteRecord> {
  const { home, key, spelling } = entry;
  const side = app === 'canary' ? 'target' : 'source';
  const sentAt = Date.now();
  await sendTo(stores, side, entry, operation);
  const answeredAt = Date.now();
  if (carried) await carry(stores, side, entry, operation);
  return { n: ++last, app, home, key, spelling, side, operation, sentAt, answeredAt, fate: 'ok' };
}

type Side = WriteRecord['side'];

async function carry(
  stores: Stores,
  from: Side,
  entry: Pick<AppEntry, 'home' | 'key' | 'spelling'>,
  operation: Operation,
) {
  const to = from === 'source' ? 'target' : 'source';
  await sendTo(stores, to, entry, operation);
  const expireAt = await storeOf(stores, from, entry.home).pexpiretime(nameOf(from, entry));
  if (expireAt > 0) await storeOf(stores, to, entry.home).pexpireat(nameOf(to, entry), expireAt);
}

function sendTo(
  stores: Stores,
  side: Side,
  entry: Pick<AppEntry, 'home' | 'key' | 'spelling'>,
  operation: Operation,
) {
  const look = { form: side, spelling: entry.spelling };
  return send(storeOf(stores, side, entry.home), nameOf(side, entry), operation, look);
}

export function storeOf(stores: Stores, side: Side, home: Home): Redis {
  return side === 'target' ? stores.v2 : stores[home];
}

export function nameOf(side: Side, { home, key }: Pick<AppEntry, 'home' | 'key'>): Buffer {
  return Buffer.from(side === 'target' ? nameOnV2(home, key) : key, 'latin1');
}

/** Deletes every key by its name. */
export async function empty(store: Redis): Promise<void> {
  for await (const batch of store.scanBufferStream({ count: 1_000 })) {
    const names = batch as Buffer[];
    if (names.length > 0) await store.unlink(...names);
  }
}
