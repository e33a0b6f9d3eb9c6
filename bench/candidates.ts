import type { Redis } from 'ioredis';
import { ABSENT, STATE_BYTES } from '../domain/protocol/protocol.ts';
import { keyspaceOf } from '../domain/keys/keyspace.ts';
import { byteString } from '../redis/client/key-bytes.ts';
import { entryTail, makeStamps, entryPlaceOf } from '../redis/state/ledger.ts';
import { applyWrites, type KeyWrite } from '../redis/replication/store/apply-writes.ts';
import { portOf } from '../redis/replication/store/store-port.ts';

/** A key as it was read on the source: its DUMP and its absolute expiry, ms since the epoch (0 = none). */
export type Read = { readonly key: Buffer; readonly dump: Buffer; readonly expireAt: number };

/**
 * The connection through which a candidate writes, and the key of the lease. `tracked` receives the events of changes.
 * NOLOOP leaves out what it wrote by plain commands; what it wrote by a script comes back as an echo.
 */
type Sink = { readonly tracked: Redis; readonly lease: string };

/** A way to write a batch of states. The comment of each candidate says what it guarantees. */
export type Candidate = (sink: Sink) => Promise<(batch: readonly Read[]) => Promise<void>>;

const LEDGER = 'jday:bench:ledger:';

/** Returns one of as many ledger buckets as the engine has. The keys spread over them evenly, as in the engine. */
function bucketOf({ dump }: Read): string {
  return LEDGER + (dump.readUInt16BE(dump.length - 2) % 16_384).toString(36);
}

const LINK = 'v1';
const TOKEN = 1;

/**
 * The engine's own step. One script checks lease, epoch and expected state, writes the value, reads it back and writes
 * the ledger entry. Each write causes an echo.
 */
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

function writeOf({ key, dump, expireAt }: Read, stamp: string): KeyWrite {
  const name = byteString(key);
  return {
    name,
    place: entryPlaceOf(name),
    act: 'restore',
    expected: ABSENT,
    expectedEntry: '',
    value: dump,
    expireAt: BigInt(expireAt || -1),
    stamp,
    other: byteString(dump.subarray(-STATE_BYTES)),
    tail: entryTail({ ours: true, spelling: '' }),
    journal: false,
    preimage: false,
  };
}

/**
 * Writes the ledger entry only if the key still holds the payload. If an app has written in between, the sides do not
 * agree, and the entry must not say that they do.
 */
const ENTER = `
for i = 1, #KEYS do
  local dump = redis.call('DUMP', KEYS[i])
  local digest = string.sub(ARGV[i], 1, 8)
  if dump and string.sub(dump, -8) == digest then
    local state = digest .. struct.pack('>i8', redis.call('PEXPIRETIME', KEYS[i]))
    redis.call('HSET', '${LEDGER}' .. string.sub(ARGV[i], 9), KEYS[i], '12345678' .. state .. state .. 'abc')
  end
end`;

/**
 * Only for the copy. RESTORE without REPLACE fails if the key exists, so it never overwrites a value. It causes no
 * echo. WATCH protects the lease.
 */
export const leaseAndRestore: Candidate = async ({ tracked, lease }) => {
  const enter = String(await tracked.script('LOAD', ENTER));
  return async (batch) => {
    await tracked.watch(lease);
    const multi = tracked.multi().get(lease);
    for (const { key, dump, expireAt } of batch) multi.restore(key, expireAt, dump, 'ABSTTL');
    const digests = batch.map((one) =>
      Buffer.concat([one.dump.subarray(-8), Buffer.from(bucketOf(one).slice(LEDGER.length))]),
    );
    multi.evalsha(enter, batch.length, ...batch.map(({ key }) => key), ...digests);
    if ((await multi.exec()) === null) throw new Error('another attempt took the lease');
  };
};

/** Returns the states of the keys as one string, for the comparison. */
const STATES = `
local out = {}
for i, key in ipairs(KEYS) do
  local dump = redis.call('DUMP', key)
  out[i] = dump and string.sub(dump, -8) .. struct.pack('>i8', redis.call('PEXPIRETIME', key)) or string.rep('\\0', 16)
end
return table.concat(out)`;

/**
 * Writes the state that each key has now into the ledger. It reads the state back in the same transaction, because the
 * DUMP of a key may differ from the payload.
 */
const ENTER_READ_BACK = `
for i = 1, #KEYS do
  local dump = redis.call('DUMP', KEYS[i])
  if dump then
    local state = string.sub(dump, -8) .. struct.pack('>i8', redis.call('PEXPIRETIME', KEYS[i]))
    redis.call('HSET', '${LEDGER}' .. ARGV[i], KEYS[i], '12345678' .. state .. state .. 'abc')
  end
end`;

/** WATCH, a read of the states, then MULTI with plain RESTOREs and the ledger entries. It causes no echo. */
export const watchAndMulti: Candidate = async ({ tracked, lease }) => {
  const [states, enter] = [
    await tracked.script('LOAD', STATES),
    await tracked.script('LOAD', ENTER_READ_BACK),
  ];
  return async (batch) => {
    const keys = batch.map(({ key }) => key);
    await tracked.watch(lease, ...keys);
    await tracked.callBuffer('EVALSHA_RO', [String(states), String(keys.length), ...keys]);
    const multi = tracked.multi().get(lease);
    for (const { key, dump, expireAt } of batch) multi.restore(key, expireAt, dump, 'REPLACE', 'ABSTTL');
    multi.evalsha(
      String(enter),
      keys.length,
      ...keys,
      ...batch.map((one) => bucketOf(one).slice(LEDGER.length)),
    );
    if ((await multi.exec()) === null) throw new Error('somebody else wrote');
  };
};

/** Plain RESTORE over any existing value: no comparison, no lease, no ledger. It is the upper bound of the speed. */
export const blindPipeline: Candidate = async ({ tracked }) => {
  return async (batch) => {
    const pipeline = tracked.pipeline();
    for (const { key, dump, expireAt } of batch) pipeline.restore(key, expireAt, dump, 'REPLACE', 'ABSTTL');
    await pipeline.exec();
  };
};
