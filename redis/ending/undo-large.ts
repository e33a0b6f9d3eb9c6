import { ABSENT } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { newest } from '../../domain/ledger-entry.ts';
import { keyBytes } from '../key-bytes.ts';
import { type End, stateUnderWatch } from '../large/end.ts';
import { swap } from '../large/swap.ts';
import { placeOf } from '../ledger.ts';
import type { Mandate } from '../sync/apply-writes.ts';
import { type SideState, UNREAD } from '../sync/read-reply.ts';
import { knowsFieldTtls } from '../typed/payloads.ts';
import { Unsteady } from '../typed/walk.ts';
import { alone, besideOf, type NodePort, type SidePort } from '../sync/side-port.ts';

/** Begins the record of a journal or a pre-image whose value stands under a key of its own (redis/scripts/swap.lua). */
const KEPT = 0xff;

/** Where a record's value stands as a key of ours; `null` = the record holds it, as DUMP. */
export function keptKey(record: Buffer): Buffer | null {
  return record[8] === KEPT ? record.subarray(9) : null;
}

type Undone = {
  readonly key: string;
  readonly name: string;
  readonly source: SideState;
  readonly target: SideState;
};

export type Undoing = {
  readonly target: SidePort;
  readonly keyspace: Keyspace;
  readonly link: string;
  readonly mandate: Mandate;
  readonly stamp: () => string;
};

/** A copy of one of the sides is no work for one script. */
export function needsPieces({ source, target }: Undone): boolean {
  return source.digest === UNREAD || target.digest === UNREAD;
}

/**
 * Takes a large key off the target, or puts back what stood there, if it is still as we left it (L6).
 *
 * @param back the pre-image; `null` = nothing stood there
 * @returns false when an app has changed it since: it stays
 */
export async function undoLarge(undoing: Undoing, one: Undone, back: Buffer | null): Promise<boolean> {
  const { keyspace, link, mandate } = undoing;
  const target = undoing.target.nodeOf(one.name);
  const end: End = alone({ ...target, fieldTtls: await knowsFieldTtls(target.redis) });
  const shadow = back && (await shadowOf(undoing, target, one.name, back));
  await target.redis.watch(keyBytes(one.name));
  try {
    const digest = await stateUnderWatch(end, keyspace, link, one.name);
    // No entry: both sides were gone, so it was the sync that deleted it here.
    if (digest !== (newest(one.source.entry, one.target.entry)?.target ?? ABSENT)) return false;
    const word = await swap(end, keyspace, link, mandate, {
      name: one.name,
      place: placeOf(one.key),
      act: back ? 'rename' : 'delete',
      expected: digest,
      expectedEntry: one.target.entryBytes,
      shadow: shadow ?? '',
      content: '',
      expireAt: back ? Number(back.readBigInt64BE(0)) : -1,
      stamp: undoing.stamp(),
      other: ABSENT,
      tail: '',
      journal: false,
      preimage: false,
    });
    return word === 'done';
  } catch (error) {
    if (error instanceof Unsteady) return false;
    throw error;
  } finally {
    await target.redis.unwatch();
  }
}

async function shadowOf(
  { keyspace, mandate }: Undoing,
  target: NodePort,
  name: string,
  record: Buffer,
): Promise<string> {
  const kept = keptKey(record);
  if (kept) return kept.toString('latin1');
  const shadow = besideOf(target, keyspace.shadow(mandate.shard, mandate.token), name);
  await target.redis.unlink(keyBytes(shadow));
  await target.redis.callBuffer('RESTORE', [keyBytes(shadow), '0', record.subarray(8)]);
  return shadow;
}
