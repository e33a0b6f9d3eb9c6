import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChangeWatch, watchChanges } from '../../../redis/backup/change-watch.ts';
import { keyBatches } from '../../../redis/backup/copies.ts';
import { type BackupProof, proveBackup } from '../../../redis/backup/prove.ts';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { type SilentStreams, silentStreams } from '../../../redis/backup/silent-streams.ts';
import { withScratch } from '../../../redis/backup/scratch.ts';
import { eventually } from '../../support/eventually.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { storeOf } from './plan.ts';

const dir = withTempDir();
const redis = withRedis({ config: { 'repl-diskless-sync-delay': '0' } });
const never = new AbortController().signal;
const ownerOf = (key: string) => (key.startsWith('other:') ? null : (key.split(':')[0] ?? null));

let watch: ChangeWatch;
let streams: SilentStreams;
let file: string;
let files = 0;

beforeEach(async () => {
  file = join(dir.path, `${files++}.rdb`);
  await fill(redis.client);
  watch = await watchChanges(store(), {});
  streams = await silentStreams(redis.client, (name) => ownerOf(name) !== null, never);
});

afterEach(async () => {
  watch.close();
  await empty(redis.client);
});

describe('a backup restored into a scratch server (L10)', () => {
  it('is proven when it holds every key, of every type, with its expiry', async () => {
    await fetchRdb(store(), {}, file, never);
    const proof = await prove(file);
    expect(proof).toMatchObject({ keys: 309, changedSince: 0, expiredSince: 0 });
    expect(proof.datasets.map(({ name, keys }) => [name, keys])).toEqual([
      ['big', 2],
      ['bin', 1],
      ['match', 300],
      ['session', 2],
      ['typed', 4],
    ]);
  });

  it.for([
    [
      'reads',
      (live: Redis) => live.xreadgroup('GROUP', 'group', 'me', 'COUNT', 1, 'STREAMS', 'typed:stream', '>'),
    ],
    ['is set to another place', (live: Redis) => live.xgroup('SETID', 'typed:stream', 'group', '1-2')],
    ['is made', (live: Redis) => live.xgroup('CREATE', 'typed:stream', 'another', '0')],
    ['sees another last id', (live: Redis) => live.call('XSETID', ['typed:stream', '9-9'])],
  ] as const)('is proven while a consumer group %s, of which no event tells', async ([_what, work]) => {
    await fetchRdb(store(), {}, file, never);
    await work(redis.client);
    expect(await prove(file)).toMatchObject({ keys: 309, changedSince: 1 });
  });

  it('is not proven when the place of a consumer group is another one and nobody has moved it', async () => {
    await fetchRdb(store(), {}, file, never);
    const damage = (copy: Redis) => copy.xgroup('SETID', 'typed:stream', 'group', '1-2');
    await expect(prove(file, damage)).rejects.toThrow(/1 keys differ/);
  });

  it('has the same digests however often it is restored, and another one when a value differs', async () => {
    await fetchRdb(store(), {}, file, never);
    const first = await prove(file);
    expect((await prove(file)).datasets).toEqual(first.datasets);
    await redis.client.hset('big:hash', 'field-7', 'changed');
    const changed = join(dir.path, 'changed.rdb');
    await fetchRdb(store(), {}, changed, never);
    const digests = ({ datasets }: BackupProof) =>
      new Map(datasets.map(({ name, digest }) => [name, digest]));
    const later = digests(await prove(changed));
    expect(later.get('big')).not.toBe(digests(first).get('big'));
    expect(later.get('typed')).toBe(digests(first).get('typed'));
  });

  it('is proven while an app writes, deletes, renames and expires the whole time', async () => {
    const stop = new AbortController();
    const app = await redis.connect();
    const writing = writer(app, stop.signal);
    await fetchRdb(store(), {}, file, never);
    const proof = await prove(file).finally(() => stop.abort());
    await writing;
    expect(proof.keys).toBeGreaterThan(200);
    expect(proof.changedSince).toBeGreaterThan(0);
  });

  it('is proven when a key expired by itself since', async () => {
    await redis.client.set('session:short', 'x', 'PX', 5_000);
    await fetchRdb(store(), {}, file, never);
    const proof = await withScratch(file, 'v1', async (scratch) => {
      const copy = await scratch.open(0);
      await eventually('the key expires', async () => (await redis.client.exists('session:short')) === 0);
      return compare(copy);
    });
    expect(proof).toMatchObject({ keys: 309, changedSince: 0 });
  });

  it('is not proven when the file is cut short', async () => {
    await fetchRdb(store(), {}, file, never);
    truncateSync(file, readFileSync(file).length - 100);
    await expect(prove(file)).rejects.toThrow(/^backup of v1 is not proven: a scratch redis-server/);
  });

  it('is not proven when one byte of the file is flipped, whether the checksum is kept or not', async () => {
    await fetchRdb(store(), {}, file, never);
    const bytes = readFileSync(file);
    const at = bytes.indexOf('value-of-42');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const flipped = join(dir.path, 'flipped.rdb');
    writeFileSync(flipped, bytes);
    await expect(prove(flipped)).rejects.toThrow(/wrong checksum/);
    // A server with `rdbchecksum no` writes zeros as the checksum. Then only the comparison finds the damage.
    writeFileSync(flipped, Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(8)]));
    await expect(prove(flipped)).rejects.toThrow(/1 keys differ from the live store/);
  });

  it.each([
    ['a key is missing', (copy: Redis) => copy.del('match:7')],
    ['a key is there that never was', (copy: Redis) => copy.set('match:ghost', '1')],
    ['an expiry is wrong by a millisecond', (copy: Redis) => copy.pexpireat('session:a', EXPIRY + 1)],
    ['an expiry is missing', (copy: Redis) => copy.persist('session:a')],
    ['a member of a large set is missing', (copy: Redis) => copy.srem('big:set', 'member-3')],
    ['a field of a large hash differs', (copy: Redis) => copy.hset('big:hash', 'field-3', 'other')],
    ['a score differs', (copy: Redis) => copy.zincrby('typed:zset', 1, 'one')],
    ['an entry of a stream is missing', (copy: Redis) => copy.xtrim('typed:stream', 'MAXLEN', 1)],
    ['a binary value differs in one bit', (copy: Redis) => copy.setbit(BINARY_KEY, 9, 1)],
  ])('is not proven when %s', async (_what, damage) => {
    await fetchRdb(store(), {}, file, never);
    await expect(prove(file, damage)).rejects.toThrow(
      /1 keys differ from the live store without having changed/,
    );
  });

  it('is not proven when it is empty and the live store is not, even if every key was just written', async () => {
    await fetchRdb(store(), {}, file, never);
    await empty(redis.client);
    await fill(redis.client);
    await expect(prove(file, empty)).rejects.toThrow('it holds no key and the live store does');
  });

  it('is not proven when the change feed was cut', async () => {
    await fetchRdb(store(), {}, file, never);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await expect(prove(file)).rejects.toThrow('the change feed was lost');
  });

  it('is not proven when the store was flushed meanwhile', async () => {
    await fetchRdb(store(), {}, file, never);
    await redis.client.flushdb();
    await expect(prove(file)).rejects.toThrow('the change feed was lost');
  });
});

const EXPIRY = 4_000_000_000_123;
const BINARY_KEY = Buffer.from([0x62, 0x69, 0x6e, 0x3a, 0x00, 0xff, 0x0d, 0x0a]);

function store() {
  return storeOf('v1', redis.server.url());
}

async function prove(rdb: string, damage?: (copy: Redis) => Promise<unknown>): Promise<BackupProof> {
  return withScratch(rdb, 'v1', async (scratch) => {
    const copy = await scratch.open(0);
    if (damage) {
      await copy.client('UNPAUSE');
      await damage(copy);
    }
    return compare(copy);
  });
}

function compare(scratch: Redis): Promise<BackupProof> {
  return proveBackup({ store: 'v1', scratch, live: redis.client, watch, streams, ownerOf, signal: never });
}

async function empty(client: Redis): Promise<void> {
  for await (const keys of keyBatches(client, never)) await client.del(keys);
}

async function fill(client: Redis): Promise<void> {
  const pipeline = client.pipeline();
  for (let i = 0; i < 300; i++) pipeline.set(`match:${i}`, `value-of-${i}`);
  pipeline.hset('session:a', { user: 'é', offers: '[]' }).pexpireat('session:a', EXPIRY);
  pipeline.set('session:b', 'x');
  pipeline.set('other:key', 'not ours');
  pipeline.zadd('typed:zset', 1.5, 'one', '-inf', 'two');
  pipeline.rpush('typed:list', ...Array.from({ length: 500 }, (_, i) => `item-${i}`));
  pipeline.xadd('typed:stream', '1-1', 'field', 'value').xadd('typed:stream', '1-2', 'field', 'value');
  pipeline.xgroup('CREATE', 'typed:stream', 'group', '0');
  pipeline.xreadgroup('GROUP', 'group', 'reader', 'COUNT', 1, 'STREAMS', 'typed:stream', '>');
  pipeline.incrby('typed:counter', 42);
  pipeline.set(BINARY_KEY, Buffer.from([0, 1, 2, 255, 13, 10]));
  pipeline.sadd('big:set', ...Array.from({ length: 2_000 }, (_, i) => `member-${i}`));
  pipeline.hset('big:hash', ...Array.from({ length: 1_000 }, (_, i) => [`field-${i}`, `v${i}`]).flat());
  await pipeline.exec();
}

async function writer(app: Redis, signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const n = i % 300;
    await app
      .pipeline()
      .set(`match:${n}`, `new-${i}`)
      .set(`match:temporary-${i}`, 'x', 'PX', 5)
      .rename(`match:${(n + 100) % 300}`, `match:${(n + 200) % 300}`)
      .hset('big:hash', `field-${i}`, 'x')
      .del(`match:${(n + 50) % 300}`)
      .pexpire('session:a', 60_000 + i)
      .exec();
  }
}
