import type { Redis } from 'ioredis';
import type { Holder } from '../../domain/authority/claim.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import type { KnownRecord } from '../../domain/authority/authority-record.ts';
import { newest } from '../../domain/protocol/protocol.ts';
import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import { shardsOf, shardsOfPlan } from '../../domain/keys/shard.ts';
import { assertKnown } from '../state/authority.ts';
import { readRawEntries } from '../state/ledger.ts';
import { scanNames } from '../client/scan.ts';
import type { OpenStore, Stores } from '../client/stores.ts';
import { isLeased, takeLease } from '../replication/store/lease.ts';
import { portOf } from '../replication/store/store-port.ts';
import { leftUnwatched, watermarkKeysOn } from '../replication/breaker/watermark.ts';
import { savedRecords } from '../backup/saved-records.ts';
import { hashesOf, recordsOf } from '../state/journal.ts';
import { asOurs, dropKeys, type WhileOurs, writeFields, writeText } from './while-ours.ts';

/**
 * Removes our records from all stores:
 * - The syncs lose their leases, so that the stores refuse their late writes.
 * - The conflict journal and the quarantine are saved beside the backups, complete and restorable. Otherwise
 *   acknowledged writes would be lost with them.
 * - Every key of this migration is deleted. `jday:authority` stays for the apps. The rules of users who are still
 *   fenced stay too, so that an operator can give them back.
 *
 * With `keepLedger` the ledger stays on V2 (if a side is a cluster, it stays where it is), and a later migration of the
 * same name goes on from it. The watermark records stay on each side too. They show the later migration whether a side
 * has lost data since. Without them, lost keys would count as deleted and would be deleted on the other side.
 *
 * @param known the authority record that the caller knows; `null` = it knows none
 * @param holder this run; `null` = any claim counts as ours
 * @throws WrongStore, AuthorityMoved the records are no longer ours: nothing more is deleted
 */
export async function dropRecords(
  plan: Plan,
  stores: Stores,
  keepLedger: boolean,
  known: KnownRecord | null = null,
  holder: Holder | null = null,
): Promise<void> {
  const serving = await assertKnown(stores, plan, known);
  const ours = new Map<OpenStore, WhileOurs>();
  for (const one of stores.all)
    ours.set(one, await asOurs(one, one.store.side === 'target' ? serving : null, holder));
  const keyspace = keyspaceOf(plan.migration);
  await endSyncs(plan, stores, keyspace);
  for (const { store, redis } of stores.all) {
    for (const link of linksOf(plan)) {
      for (const journal of await hashesOf(redis, keyspace.journal(link.name)))
        await saveHash(plan, redis, journal, `journal-${store.name}-${link.name}`);
      await saveHash(plan, redis, keyspace.quarantine(link.name), `quarantine-${store.name}-${link.name}`);
    }
  }
  const inPlace = plan.stores.some(({ cluster }) => cluster);
  const target = ours.get(stores.target) as WhileOurs;
  if (keepLedger && !inPlace) await copyLedgerToTarget(plan, stores, target, keyspace);
  for (const one of ours.values()) {
    const { store, redis } = one;
    if (keepLedger) await leaveWatermarks(plan, one, keyspace);
    const kept = [
      keyspace.fence(''),
      ...(keepLedger ? shardsOfPlan(plan).map(({ name }) => keyspace.witness(name)) : []),
      ...(keepLedger && (inPlace || store.side === 'target') ? ledgerPrefixes(plan, keyspace) : []),
    ];
    for await (const names of scanNames(redis, `${keyspace.prefix}*`)) {
      const gone = names.filter((name) => !kept.some((prefix) => name.startsWith(prefix)));
      await dropKeys(one, gone);
    }
  }
}

/**
 * Takes the leases of all shards. A sync that has lost its contact to Temporal may still be at work. From now on the
 * stores refuse its writes.
 */
async function endSyncs(plan: Plan, stores: Stores, keyspace: Keyspace): Promise<void> {
  const target = await portOf('target', stores.target.redis);
  for (const link of linksOf(plan)) {
    const ports = { source: await portOf('source', stores.named(link.name).redis), target };
    // If the lease was dropped before, do not take it again: the tokens would begin at 1 again, and an old sync may
    // still hold such a token.
    for (const { name } of shardsOf(link))
      if (await isLeased(ports, keyspace, name)) await takeLease(ports, keyspace, name);
  }
}

/**
 * Marks the watermark records: from now on no sync watches V2. If a side has lost its record, none is written, because
 * its absence shows the loss.
 */
async function leaveWatermarks(plan: Plan, ours: WhileOurs, keyspace: Keyspace): Promise<void> {
  for (const { name } of shardsOfPlan(plan)) {
    for (const key of await watermarkKeysOn(ours.redis, keyspace, name)) {
      const text = await ours.redis.get(key);
      const left = text === null ? null : leftUnwatched(text);
      if (left !== null) await writeText(ours, key, left);
    }
  }
}

function ledgerPrefixes(plan: Plan, keyspace: Keyspace): readonly string[] {
  return linksOf(plan).flatMap((link) => [
    keyspace.ledger(link.name, ''),
    keyspace.shards(link.name),
    ...shardsOf(link).flatMap(({ name }) => [
      keyspace.adopted(name),
      keyspace.lease(name),
      keyspace.tags(name),
    ]),
  ]);
}

/** Saves the records of a hash, so that they may be deleted. A hash without records leaves no file. */
async function saveHash(plan: Plan, redis: Redis, hash: string, name: string): Promise<void> {
  const saved = savedRecords(plan.backup.directory, `${plan.migration}-${name}`, redis);
  try {
    for await (const records of recordsOf(redis, hash)) for (const record of records) await saved.add(record);
  } finally {
    await saved.close();
  }
}

/** Copies to V2 the ledger entries of the sources that are newer than V2's, so that V2 has the whole ledger. */
async function copyLedgerToTarget(
  plan: Plan,
  stores: Stores,
  target: WhileOurs,
  keyspace: Keyspace,
): Promise<void> {
  for (const link of linksOf(plan)) {
    const source = stores.named(link.name).redis;
    for await (const buckets of scanNames(source, keyspace.ledger(link.name, '*'))) {
      for (const bucket of buckets) await moveBucket(source, target, bucket);
    }
  }
}

async function moveBucket(source: Redis, target: WhileOurs, bucket: string): Promise<void> {
  const [there, here] = await Promise.all([
    readRawEntries(source, bucket),
    readRawEntries(target.redis, bucket),
  ]);
  const moving = there.filter(({ field, entry }) => {
    const mine = here.find((one) => one.field.equals(field))?.entry ?? null;
    return mine !== entry && newest(mine, entry) === entry;
  });
  if (moving.length > 0)
    await writeFields(
      target,
      bucket,
      moving.flatMap(({ field, bytes }) => [field, bytes]),
    );
}
