import { setImmediate } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { watchChanges } from '../../../redis/backup/change-watch.ts';
import { proveBackup, type BackupProof } from '../../../redis/backup/prove.ts';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { silentStreams } from '../../../redis/backup/silent-streams.ts';
import { withScratch } from '../../../redis/backup/scratch.ts';
import { type Engine, foundEngines } from '../../../servers/found-engines.ts';
import { findTool } from '../../../servers/tools.ts';
import { writeEveryType } from '../../support/values/every-type.ts';
import { type TestRedis, withRedis } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const dir = withTempDir();
const EXPIRY = 4_000_000_000_123;
const never = new AbortController().signal;
const engines = await foundEngines();
const only = (name: Engine['name']) => () =>
  Promise.resolve(engines.filter((engine) => engine.name === name));

async function proven(
  redis: TestRedis,
  by = foundEngines,
  damage: (copy: Redis) => Promise<unknown> = () => Promise.resolve(),
): Promise<BackupProof & { engine: string }> {
  const store = { name: 'v1', side: 'source', url: redis.server.url(), appUsers: [] } as const;
  const file = join(dir.path, `${redis.server.port}-${Math.random()}.rdb`);
  const watch = await watchChanges(store, {});
  const streams = await silentStreams(redis.client, () => true, never);
  try {
    await fetchRdb(store, {}, file, never);
    return await withScratch(
      file,
      'v1',
      async (scratch) => {
        const copy = await scratch.open(0);
        await copy.client('UNPAUSE');
        await damage(copy);
        const server = /server_name:valkey/.test(await copy.info('server')) ? 'Valkey' : 'Redis';
        const one = {
          store: 'v1',
          scratch: copy,
          live: redis.client,
          watch,
          streams,
          ownerOf: () => 'all',
          signal: never,
        };
        return { ...(await proveBackup(one)), engine: server };
      },
      by,
    );
  } finally {
    watch.close();
  }
}

/** The most CPU time between two turns of the event loop, ms. A heartbeat has to wait at least that long. */
async function longestTurn(work: Promise<unknown>): Promise<number> {
  let [most, done, last] = [0, false, process.cpuUsage()];
  const ended = work.finally(() => (done = true));
  while (!done) {
    await setImmediate();
    const now = process.cpuUsage();
    most = Math.max(most, (now.user - last.user) / 1_000);
    last = now;
  }
  await ended;
  return most;
}

describe('a large value in a backup', () => {
  const redis = withRedis();

  it('is proven in pieces: no turn of the event loop is long, and what differs is seen (L10, L14)', async () => {
    for (let from = 0; from < 100_000; from += 10_000) {
      const fields = Array.from({ length: 10_000 }, (_, i) => [`field-${from + i}`, `value-${from + i}`]);
      await redis.client.hset('large', ...fields.flat());
    }
    await redis.client.set('text', 'x'.repeat(20_000_000));
    const turn = await longestTurn(
      proven(redis).then((proof) => expect(proof).toMatchObject({ keys: 2, changedSince: 0 })),
    );
    expect(turn).toBeLessThan(300);
    const damage = (copy: Redis) => copy.hset('large', 'field-77', 'other');
    await expect(proven(redis, foundEngines, damage)).rejects.toThrow(/1 keys differ/);
    await expect(proven(redis, foundEngines, (copy) => copy.setrange('text', 9, 'y'))).rejects.toThrow(
      /1 keys differ/,
    );
  });
});

describe('a backup between engines (L10)', () => {
  const redis = withRedis();
  const valkey = withRedis({ binary: findTool('valkey-server') });

  it('of each is proven by the one that wrote it, wherever it was found', async () => {
    await writeEveryType(redis.client, 'all:', EXPIRY);
    await writeEveryType(valkey.client, 'all:', EXPIRY);
    expect(await proven(redis)).toMatchObject({ engine: 'Redis', changedSince: 0 });
    expect(await proven(valkey)).toMatchObject({ engine: 'Valkey', changedSince: 0 });
  });

  it('holds TTLs of hash fields, which Valkey does not give to an older replica', async () => {
    await valkey.client.flushall();
    await valkey.client.hset('h', 'f', 'v', 'g', 'w');
    await valkey.client.call('HPEXPIREAT', ['h', String(EXPIRY), 'FIELDS', '1', 'f']);
    expect(await proven(valkey)).toMatchObject({ engine: 'Valkey', keys: 1, changedSince: 0 });
    const forget = (copy: Redis) => copy.call('HPERSIST', ['h', 'FIELDS', '1', 'f']);
    await expect(proven(valkey, foundEngines, forget)).rejects.toThrow(/1 keys differ/);
  });

  it('of an older one is proven by a newer one, to the last value', async () => {
    await redis.client.flushall();
    await writeEveryType(redis.client, 'all:', EXPIRY);
    const keys = await redis.client.dbsize();
    expect(await proven(redis, only('Valkey'))).toMatchObject({ engine: 'Valkey', keys });
  });

  it('of a newer one is not proven by an older one, and the remedy names the variable', async () => {
    await valkey.client.set('a', '1');
    await expect(proven(valkey, only('Redis'))).rejects.toThrow(
      /is too old to load its RDB version\. .* name it in REDIS_SERVER_PATH or VALKEY_SERVER_PATH/,
    );
  });
});
