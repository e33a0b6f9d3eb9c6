import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type Keyspace, keyspaceOf } from '../../domain/keyspace.ts';
import { newest } from '../../domain/ledger-entry.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import { shardsOf } from '../../domain/shard.ts';
import { serverOf } from '../cluster/routed-redis.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { readRawEntries } from '../ledger.ts';
import { unlinkAll } from '../cluster/unlink-all.ts';
import { scanNames } from '../scan-names.ts';
import type { Stores } from '../stores.ts';
import { knowsFieldTtls } from '../typed/payloads.ts';
import { hasPieces, walk } from '../typed/walk.ts';
import { hashesOf } from './hashes-of.ts';
import { keptKey } from './undo-large.ts';

/**
 * Ends our presence: conflict journal and quarantine are saved beside the backups, whole and restorable (L2, L11),
 * then every key of ours goes. The authority record stays for the apps; rules of users who are still fenced stay,
 * so that somebody can put them back. With `keepLedger` the ledger stays on the target (with a cluster on either side,
 * where it is): a later migration of the same name goes on from there.
 */
export async function dropTraces(plan: Plan, stores: Stores, keepLedger: boolean): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  for (const { store, redis } of stores.all) {
    for (const link of linksOf(plan)) {
      for (const journal of await hashesOf(redis, keyspace.journal(link.name)))
        await saveHash(plan, redis, journal, `journal-${store.name}-${link.name}`);
      await saveHash(plan, redis, keyspace.quarantine(link.name), `quarantine-${store.name}-${link.name}`);
    }
  }
  const inPlace = plan.stores.some(({ cluster }) => cluster);
  if (keepLedger && !inPlace) await moveLedger(plan, stores, keyspace);
  for (const { store, redis } of stores.all) {
    const kept = [
      keyspace.fence(''),
      ...(keepLedger && (inPlace || store.side === 'target') ? ledgerPrefixes(plan, keyspace) : []),
    ];
    for await (const names of scanNames(redis, `${keyspace.prefix}*`)) {
      const gone = names.filter((name) => !kept.some((prefix) => name.startsWith(prefix)));
      await unlinkAll(redis, gone.map(keyBytes));
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

/** One line of JSON a record, bytes in base64, readable by the owner only: it holds personal data (L12). */
async function saveHash(plan: Plan, redis: Redis, key: string, name: string): Promise<void> {
  const file = join(plan.backup.directory, `${plan.migration}-${name}.jsonl`);
  const save = async (line: object) => {
    await mkdir(plan.backup.directory, { recursive: true, mode: 0o700 });
    await appendFile(file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  };
  let cursor = '0';
  do {
    const [next, pairs] = (await redis.callBuffer('HSCAN', [key, cursor, 'COUNT', '100'])) as [
      Buffer,
      Buffer[],
    ];
    cursor = next.toString();
    for (let i = 0; i + 1 < pairs.length; i += 2)
      for await (const line of linesOf(redis, pairs[i] as Buffer, pairs[i + 1] as Buffer)) await save(line);
  } while (cursor !== '0');
}

/** A record; a value that is no single DUMP follows as the commands that rebuild it: words, the key, arguments. */
async function* linesOf(redis: Redis, field: Buffer, record: Buffer): AsyncGenerator<object> {
  yield { field: field.toString('base64'), record: record.toString('base64') };
  const key = keptKey(record);
  const server = key ? serverOf(redis, byteString(key)) : redis;
  const type = key ? await server.type(key) : 'none';
  // Taken back by an abort already: there is nothing to save.
  if (!key || type === 'none') return;
  if (!hasPieces(type)) {
    const dump = (await server.dumpBuffer(key)).toString('base64');
    yield {
      field: field.toString('base64'),
      words: ['RESTORE'],
      args: [Buffer.from('0').toString('base64'), dump],
    };
    return;
  }
  const fieldTtls = await knowsFieldTtls(server);
  for await (const { words, args } of walk({ redis: server, key, type, fieldTtls })) {
    const encoded = args.map((part) => Buffer.from(part).toString('base64'));
    yield { field: field.toString('base64'), words, args: encoded };
  }
}

/** Entries that stand on a source and are the newest move to the target: the ledger is whole in one place. */
async function moveLedger(plan: Plan, stores: Stores, keyspace: Keyspace): Promise<void> {
  for (const link of linksOf(plan)) {
    const source = stores.named(link.name).redis;
    for await (const buckets of scanNames(source, keyspace.ledger(link.name, '*'))) {
      for (const bucket of buckets) await moveBucket(source, stores.target.redis, bucket);
    }
  }
}

async function moveBucket(source: Redis, target: Redis, bucket: string): Promise<void> {
  const [there, here] = await Promise.all([readRawEntries(source, bucket), readRawEntries(target, bucket)]);
  const moving = there.filter(({ field, entry }) => {
    const mine = here.find((one) => one.field.equals(field))?.entry ?? null;
    return mine !== entry && newest(mine, entry) === entry;
  });
  if (moving.length > 0)
    await target.hset(keyBytes(bucket), ...moving.flatMap(({ field, bytes }) => [field, bytes]));
}
