import { ABSENT } from '../../domain/digest.ts';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { byteString } from '../../redis/key-bytes.ts';
import { entryTail, makeStamps, placeOf } from '../../redis/ledger.ts';
import { applyWrites, type Write } from '../../redis/sync/apply-writes.ts';
import { portOf } from '../../redis/sync/side-port.ts';
import type { Candidate, Read } from './candidate.ts';

const LINK = 'v1';
const TOKEN = 1;

/** The engine's own step: one script with lease, epoch, comparison, value, read-back and ledger entry. Each write echoes. */
export const engine: Candidate = async ({ tracked }) => {
  const keyspace = keyspaceOf('bench');
  const port = await portOf('target', tracked);
  const stamp = makeStamps(TOKEN);
  await tracked.set(keyspace.lease(LINK), TOKEN);
  await tracked.hset('jday:authority', { authority: 'source', epoch: 1 });
  const mandate = { shard: LINK, token: TOKEN, epoch: 1 };
  return async (batch) => {
    const writes = batch.map((one) => writeOf(one, stamp()));
    const outcomes = await applyWrites(port, keyspace, LINK, mandate, writes);
    if (outcomes.some(({ word }) => word !== 'done')) throw new Error('a write was refused');
  };
};

function writeOf({ key, dump, expireAt }: Read, stamp: string): Write {
  const name = byteString(key);
  return {
    name,
    place: placeOf(name),
    act: 'restore',
    expected: ABSENT,
    expectedEntry: '',
    value: dump,
    expireAt: expireAt || -1,
    stamp,
    other: `${byteString(dump.subarray(-8))}${'\0'.repeat(8)}`,
    tail: entryTail({ ours: true, spelling: 0 }),
    journal: false,
    preimage: false,
  };
}
