import { ABSENT, newest } from '../../domain/protocol/protocol.ts';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { keyBytes } from '../client/key-bytes.ts';
import { type Endpoint, silenceOf, stateUnderWatch } from '../replication/large/endpoint.ts';
import { swap } from '../replication/large/staged-write.ts';
import { entryPlaceOf } from '../state/ledger.ts';
import type { Mandate } from '../replication/store/apply-writes.ts';
import { type SideState, UNREAD } from '../replication/store/state-codec.ts';
import { knowsFieldTtls } from '../client/capabilities.ts';
import { ValueMoved } from '../client/chunked-read.ts';
import { alone, besideOf, type NodePort, type SidePort } from '../replication/store/store-port.ts';
import { keptKey } from '../state/journal.ts';

type Undone = {
  readonly key: string;
  readonly name: string;
  readonly source: SideState;
  readonly target: SideState;
};

type Undoing = {
  readonly target: SidePort;
  readonly keyspace: Keyspace;
  readonly link: string;
  readonly mandate: Mandate;
  readonly stamp: () => string;
};

/** The authority has moved while V2 was being cleared. Nothing more is cleared. */
export class EpochMoved extends Error {
  override readonly name = 'EpochMoved';
  constructor() {
    super('the record of V2 has moved while V2 was being cleared');
  }
}

/** Returns true if the value on one side is too large for one script. */
export function needsPieces({ source, target }: Undone): boolean {
  return source.digest === UNREAD || target.digest === UNREAD;
}

/**
 * Deletes a large key on V2, or puts back the value that V2 had before, if the key is still as we left it.
 *
 * @param back the pre-image; `null` = V2 had no such key
 * @returns false if an app has changed the key since: it stays
 * @throws EpochMoved
 */
export async function undoLarge(undoing: Undoing, one: Undone, back: Buffer | null): Promise<boolean> {
  const { keyspace, link, mandate } = undoing;
  const target = undoing.target.nodeOf(one.name);
  const end: Endpoint = alone({ ...target, fieldTtls: await knowsFieldTtls(target.redis) });
  const shadow = back && (await shadowOf(undoing, target, one.name, back));
  await target.redis.watch(keyBytes(one.name));
  try {
    const silence = await silenceOf(end, one.name);
    const digest = await stateUnderWatch(end, keyspace, link, one.name);
    // No entry: both sides were absent when they last agreed, so the sync itself deleted the key here.
    if (digest !== (newest(one.source.entry, one.target.entry)?.target ?? ABSENT)) return false;
    const word = await swap(end, keyspace, link, mandate, {
      name: one.name,
      place: entryPlaceOf(one.key),
      act: back ? 'rename' : 'delete',
      expected: digest,
      expectedEntry: one.target.entryBytes,
      silent: silence.atOnce,
      shadow: shadow ?? '',
      content: '',
      expireAt: back ? back.readBigInt64BE(0) : -1n,
      stamp: undoing.stamp(),
      other: ABSENT,
      tail: '',
      journal: false,
      preimage: false,
    });
    if (word === 'epoch') throw new EpochMoved();
    return word === 'done';
  } catch (error) {
    if (error instanceof ValueMoved) return false;
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
