import { ABSENT, newest } from '../../domain/protocol/protocol.ts';
import { makeKeyMap } from '../../domain/keys/key-map.ts';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import type { AuthorityRecord, KnownRecord } from '../../domain/authority/authority-record.ts';
import { type Link, linksOf, type Plan } from '../../domain/plan/plan.ts';
import { owns, shardsOf } from '../../domain/keys/shard.ts';
import { assertKnown, AuthorityMoved, raiseCopies } from '../state/authority.ts';
import { byteString } from '../client/key-bytes.ts';
import { entryTail, makeStamps, entryPlaceOf } from '../state/ledger.ts';
import { scanNames } from '../client/scan.ts';
import type { Stores } from '../client/stores.ts';
import { lowerFence } from '../fence/lower-fence.ts';
import { copyStoreOf } from '../fence/fence-records.ts';
import { applyWrites, type WriteOutcome, type KeyWrite } from '../replication/store/apply-writes.ts';
import { takeLease } from '../replication/store/lease.ts';
import { hashesOf, keptKey } from '../state/journal.ts';
import { EpochMoved, needsPieces, undoLarge } from './undo-large.ts';
import type { SideState } from '../replication/store/state-codec.ts';
import { portOf, readStates, type SidePort, type SidePorts } from '../replication/store/store-port.ts';
import { hasLost, readWatermarks } from '../replication/breaker/watermark.ts';

/** Two calls on each key: 32 of them take 0.7 ms of server time, which the apps do not feel (measured on Redis 7.0). */
const NAMES_AT_ONCE = 32;

/**
 * Numbers of keys on V2. `deleted`: we created them. `restored`: their earlier value is back. `kept`: they stay as they
 * are, because an app has changed them since, or because the source has lost its own copy.
 */
export type Cleared = { readonly deleted: number; readonly restored: number; readonly kept: number };

/**
 * Undoes on V2 what we wrote there. It deletes only keys that we created, and only if they are still as we left them. A
 * value that V2 had before our first write comes back, with its expiry. A key that an app has changed since stays, and
 * counts as kept. The function takes the leases of all shards first, so that no late write of a sync can follow. It may
 * run twice.
 *
 * @param known the authority record that the caller knows; `null` = it knows none
 * @throws AuthorityMoved, EpochMoved the authority is not where the caller knows it: nothing more is cleared
 */
export async function clearTarget(
  plan: Plan,
  stores: Stores,
  known: KnownRecord | null = null,
): Promise<Cleared> {
  const sum = { deleted: 0, restored: 0, kept: 0 };
  for (const link of linksOf(plan)) {
    const clearing = await begin(plan, stores, link, await servingSource(plan, stores, known));
    for await (const keys of batches(clearing)) add(sum, await deleteOurs(clearing, keys));
    add(sum, await putBack(clearing));
  }
  await servingSource(plan, stores, known);
  await lowerFence(stores.target, keyspaceOf(plan.migration), copyStoreOf(stores, stores.target));
  return sum;
}

/**
 * Returns the record under which V1 serves. V2 compares each batch with this record in the same atomic step, and
 * refuses the batch if its own record has changed.
 *
 * @throws AuthorityMoved V2 serves, or the record is not the known one
 */
async function servingSource(
  plan: Plan,
  stores: Stores,
  known: KnownRecord | null,
): Promise<AuthorityRecord | null> {
  const record = await assertKnown(stores, plan, known);
  if (record?.side === 'target') throw new AuthorityMoved(record, { side: 'source', epoch: record.epoch });
  return record;
}

type Clearing = Awaited<ReturnType<typeof begin>>;

async function begin(plan: Plan, stores: Stores, link: Link, record: AuthorityRecord | null) {
  const keyspace = keyspaceOf(plan.migration);
  const [source, target] = [stores.named(link.name).redis, stores.target.redis];
  const ports: SidePorts = {
    source: await portOf('source', source),
    target: await portOf('target', target),
  };
  const witnesses = await Promise.all(
    shardsOf(link).map(({ name }) => readWatermarks({ source, target }, keyspace, name)),
  );
  const careful = witnesses.some(({ source: one }) => hasLost(one));
  // Raise the copies on the nodes of V2. A node that the sync has not reached yet, or that got its slots since then,
  // has no current copy and would refuse each of our writes.
  if (record) await raiseCopies(target, plan, record);
  const epoch = record?.epoch ?? 0;
  const leases = await Promise.all(
    shardsOf(link).map(async (shard) => {
      const token = await takeLease(ports, keyspace, shard.name);
      return { shard, mandate: { shard: shard.name, token, epoch }, stamp: makeStamps(token) };
    }),
  );
  return {
    link,
    keyspace,
    keyMap: makeKeyMap(link.datasets),
    ports,
    leases,
    careful,
  };
}

/** Yields the source keys of all keys on V2 that the link owns, in batches that are small enough for one script. */
async function* batches({ keyMap, link, ports }: Clearing): AsyncIterable<readonly string[]> {
  for (const dataset of link.datasets) {
    for (const pattern of keyMap.patterns(dataset, 'target')) {
      for await (const names of scanNames(ports.target.redis, pattern, NAMES_AT_ONCE)) {
        const mine = names.filter((name) => keyMap.owner('target', name) === dataset);
        yield mine.map((name) => keyMap.counterpart(dataset, 'target', name));
      }
    }
  }
}

type Seen = {
  readonly key: string;
  readonly name: string;
  readonly source: SideState;
  readonly target: SideState;
};

async function see(clearing: Clearing, keys: readonly string[]): Promise<readonly Seen[]> {
  const { keyMap, ports, keyspace, link } = clearing;
  const named = keys.flatMap((key) => {
    const located = keyMap.locate(key);
    return located ? [{ key, name: located.names.target }] : [];
  });
  const ask = (side: 'source' | 'target') =>
    readStates(
      ports[side],
      keyspace,
      link.name,
      named.map(({ key, name }) => ({
        name: side === 'source' ? key : name,
        place: entryPlaceOf(key),
        wanted: 'digest' as const,
      })),
    );
  const [source, target] = await Promise.all([ask('source'), ask('target')]);
  return named.map((one, i) => ({ ...one, source: source[i] as SideState, target: target[i] as SideState }));
}

async function deleteOurs(clearing: Clearing, keys: readonly string[]): Promise<Cleared> {
  const seen = (await see(clearing, keys)).filter((one) => one.target.digest !== ABSENT);
  const ours = seen.filter((one) => newest(one.source.entry, one.target.entry)?.ours);
  const asLeft = ours.filter((one) => {
    // If the source has lost data, V2 may hold the last copies. They stay.
    if (clearing.careful && one.source.digest === ABSENT) return false;
    if (needsPieces(one)) return true;
    return newest(one.source.entry, one.target.entry)?.target === one.target.digest;
  });
  let deleted = 0;
  for (const one of asLeft.filter(needsPieces)) {
    const lease = clearing.leases.find(({ shard }) => owns(shard, one.key));
    if (lease && (await undoLarge(undoingOf(clearing, lease), one, null))) deleted++;
  }
  const outcomes = await Promise.all(
    clearing.leases.map((lease) =>
      applyWrites(
        clearing.ports.target,
        clearing.keyspace,
        clearing.link.name,
        lease.mandate,
        asLeft
          .filter((one) => owns(lease.shard, one.key) && !needsPieces(one))
          .map((one) => undo(lease, one, 'delete', Buffer.alloc(0), -1n)),
      ),
    ),
  );
  assertServing(outcomes.flat());
  deleted += outcomes.flat().filter(({ word }) => word === 'done').length;
  return { deleted, restored: 0, kept: ours.length - deleted };
}

async function putBack(clearing: Clearing): Promise<Cleared> {
  const { ports, keyspace, link, keyMap, leases } = clearing;
  const fields = await preimagesOn(ports.target, keyspace.preimage(link.name));
  let restored = 0;
  for (const { hash, field } of fields) {
    const name = byteString(field);
    const image = await ports.target.redis.hgetBuffer(hash, field);
    const dataset = keyMap.owner('target', name);
    if (!image || !dataset) continue;
    const [one] = await see(clearing, [keyMap.counterpart(dataset, 'target', name)]);
    const lease = leases.find((held) => one && owns(held.shard, one.key));
    if (!one || !lease) continue;
    if (needsPieces(one) || keptKey(image)) {
      if (await undoLarge(undoingOf(clearing, lease), one, image)) restored++;
      continue;
    }
    // No entry: both sides were absent when they last agreed, so the sync itself deleted the key here.
    const left = newest(one.source.entry, one.target.entry)?.target ?? ABSENT;
    if (left !== one.target.digest) continue;
    const expireAt = image.readBigInt64BE(0);
    const write = undo(lease, one, 'restore', image.subarray(8), expireAt);
    const outcomes = await applyWrites(ports.target, keyspace, link.name, lease.mandate, [write]);
    assertServing(outcomes);
    if (outcomes[0]?.word === 'done') restored++;
  }
  return { deleted: 0, restored, kept: fields.length - restored };
}

/**
 * Ends the clearing if V2 has refused a batch because its record has another epoch. The next attempt reads that record
 * and reports it.
 *
 * @throws EpochMoved
 */
function assertServing(outcomes: readonly WriteOutcome[]): void {
  if (outcomes.some(({ word }) => word === 'epoch')) throw new EpochMoved();
}

/**
 * Returns every pre-image on V2. On a cluster each node has a hash of its own, and a hash moves together with its slot.
 */
async function preimagesOn(
  { redis }: SidePort,
  preimage: string,
): Promise<{ hash: string; field: Buffer }[]> {
  const fields: { hash: string; field: Buffer }[] = [];
  for (const hash of await hashesOf(redis, preimage))
    for (const field of await redis.hkeysBuffer(hash)) fields.push({ hash, field });
  return fields;
}

function undoingOf({ ports, keyspace, link }: Clearing, { mandate, stamp }: Clearing['leases'][number]) {
  return { target: ports.target, keyspace, link: link.name, mandate, stamp };
}

function undo(
  lease: Clearing['leases'][number],
  one: Seen,
  act: 'delete' | 'restore',
  value: Buffer,
  expireAt: bigint,
): KeyWrite {
  return {
    name: one.name,
    place: entryPlaceOf(one.key),
    act,
    expected: one.target.digest,
    expectedEntry: one.target.entryBytes,
    value,
    expireAt,
    stamp: lease.stamp(),
    other: one.source.digest,
    tail: entryTail({ ours: false, spelling: '' }),
    journal: false,
    preimage: false,
  };
}

function add(sum: { deleted: number; restored: number; kept: number }, more: Cleared): void {
  sum.deleted += more.deleted;
  sum.restored += more.restored;
  sum.kept += more.kept;
}
