import { ABSENT } from '../../domain/digest.ts';
import { makeKeyMap } from '../../domain/key-map.ts';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { newest } from '../../domain/ledger-entry.ts';
import { type Link, linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import { owns, shardsOf } from '../../domain/shard.ts';
import { readAuthority } from '../authority.ts';
import { raiseCopies } from '../authority-copies.ts';
import { byteString } from '../key-bytes.ts';
import { entryTail, makeStamps, placeOf } from '../ledger.ts';
import { scanNames } from '../scan-names.ts';
import type { Stores } from '../stores.ts';
import { lowerFence } from '../switch/fence.ts';
import { keeperOf } from '../switch/fence-records.ts';
import { applyWrites, MAX_BATCH, type Write } from '../sync/apply-writes.ts';
import { takeLease } from '../sync/lease.ts';
import { hashesOf } from './hashes-of.ts';
import { keptKey, needsPieces, undoLarge } from './undo-large.ts';
import type { SideState } from '../sync/read-reply.ts';
import { readStates } from '../sync/read-states.ts';
import { portOf, type SidePort, type SidePorts } from '../sync/side-port.ts';
import { hasLost, readWitnesses } from '../sync/witness-record.ts';

export type Cleared = { readonly deleted: number; readonly restored: number; readonly kept: number };

/**
 * Undoes on the target what we wrote there (L6): keys that we created go, if they are still as we left them; what
 * stood there before we wrote comes back, with its expiry. Takes the leases of all shards first: no late write of the sync can
 * follow. A key that an app changed since stays and is counted as kept. May run twice.
 */
export async function clearTarget(plan: Plan, stores: Stores): Promise<Cleared> {
  const sum = { deleted: 0, restored: 0, kept: 0 };
  for (const link of linksOf(plan)) {
    const clearing = await begin(plan, stores, link);
    for await (const keys of batches(clearing)) add(sum, await deleteOurs(clearing, keys));
    add(sum, await putBack(clearing));
  }
  await lowerFence(stores.target, keyspaceOf(plan.migration), keeperOf(stores, stores.target));
  return sum;
}

type Clearing = Awaited<ReturnType<typeof begin>>;

async function begin(plan: Plan, stores: Stores, link: Link) {
  const keyspace = keyspaceOf(plan.migration);
  const [source, target] = [stores.named(link.name).redis, stores.target.redis];
  const ports: SidePorts = {
    source: await portOf('source', source),
    target: await portOf('target', target),
  };
  const witnesses = await Promise.all(
    shardsOf(link).map(({ name }) => readWitnesses({ source, target }, keyspace, name)),
  );
  const careful = witnesses.some(({ source: one }) => hasLost(one));
  const record = await readAuthority(target);
  // A node that the sync has not told yet, or whose slots have come since, would refuse each of our writes.
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

/** Source keys of everything that stands on the target, in batches small enough for one script. */
async function* batches({ keyMap, link, ports }: Clearing): AsyncIterable<readonly string[]> {
  for (const dataset of link.datasets) {
    for (const pattern of keyMap.patterns(dataset, 'target')) {
      for await (const names of scanNames(ports.target.redis, pattern, MAX_BATCH / 2)) {
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
    const dataset = keyMap.owner('source', key);
    return dataset ? [{ key, name: keyMap.counterpart(dataset, 'source', key) }] : [];
  });
  const ask = (side: 'source' | 'target') =>
    readStates(
      ports[side],
      keyspace,
      link.name,
      named.map(({ key, name }) => ({
        name: side === 'source' ? key : name,
        place: placeOf(key),
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
    // A source that lost its data has its last copies here: they stay.
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
          .map((one) => undo(lease, one, 'delete', Buffer.alloc(0), -1)),
      ),
    ),
  );
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
    // No entry: both sides were gone, so it was the sync that deleted it here.
    const left = newest(one.source.entry, one.target.entry)?.target ?? ABSENT;
    if (left !== one.target.digest) continue;
    const expireAt = Number(image.readBigInt64BE(0));
    const write = undo(lease, one, 'restore', image.subarray(8), expireAt);
    const [outcome] = await applyWrites(ports.target, keyspace, link.name, lease.mandate, [write]);
    if (outcome?.word === 'done') restored++;
  }
  return { deleted: 0, restored, kept: fields.length - restored };
}

/** On a cluster each node has a hash of its own; slots that have moved have taken theirs along. */
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
  expireAt: number,
): Write {
  return {
    name: one.name,
    place: placeOf(one.key),
    act,
    expected: one.target.digest,
    expectedEntry: one.target.entryBytes,
    value,
    expireAt,
    stamp: lease.stamp(),
    other: one.source.digest,
    tail: entryTail({ ours: false, spelling: 0 }),
    journal: false,
    preimage: false,
  };
}

function add(sum: { deleted: number; restored: number; kept: number }, more: Cleared): void {
  sum.deleted += more.deleted;
  sum.restored += more.restored;
  sum.kept += more.kept;
}
