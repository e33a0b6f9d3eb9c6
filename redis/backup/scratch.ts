import { randomBytes } from 'node:crypto';
import { copyFile, link, mkdtemp, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Store } from '../../domain/plan.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { openStore } from '../connection.ts';
import { BackupUnproven } from './unproven.ts';

/** More databases than any store has; an RDB with a higher number than the server allows is not loaded. */
const DATABASES = 1024;
const FROZEN_MS = 7 * 86_400_000;

/** A scratch server that holds a backup; `open` gives a connection to one of its databases. */
export type Scratch = { readonly open: (database: number) => Promise<Redis> };

/**
 * Boots a redis-server of our own on an RDB (L10), lets `use` look at it, and removes server and folder always.
 * Appendonly is off, else the RDB would be ignored at start (R4). It is frozen: nothing expires by itself while it
 * is read, so a SCAN of it meets every key once.
 *
 * @throws BackupUnproven when the server cannot load the file
 */
export async function withScratch<T>(
  rdb: string,
  storeName: string,
  use: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  // Beside the RDB: a hard link costs nothing, and what a kill -9 leaves is in the folder that is cleared next.
  const dir = await mkdtemp(join(dirname(rdb), '.scratch-'));
  let server: RedisServer | null = null;
  const opened: Redis[] = [];
  try {
    const file = join(dir, 'dump.rdb');
    await link(rdb, file).catch(() => copyFile(rdb, file));
    const password = randomBytes(24).toString('hex');
    server = await boot(dir, password, storeName);
    const url = (database: number) => server?.url({ password, db: database }) ?? '';
    return await use({
      open: async (database) => {
        const redis = await openStore(scratchStore(url(database)), {}, 'backup-proof', {
          socketTimeout: undefined,
        });
        opened.push(redis);
        await redis.client('PAUSE', FROZEN_MS, 'WRITE');
        return redis;
      },
    });
  } finally {
    for (const redis of opened) redis.disconnect();
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function boot(dir: string, password: string, storeName: string): Promise<RedisServer> {
  try {
    return await startRedis({
      dir,
      databases: DATABASES,
      config: { dbfilename: 'dump.rdb', appendonly: 'no', requirepass: password, activerehashing: 'no' },
    });
  } catch (error) {
    // The log's own words stay here, and so does the error that quotes them: they name the key being read (L12).
    const log = await readFile(join(dir, 'redis.log'), 'latin1').catch(() => '');
    throw new BackupUnproven(storeName, `a scratch redis-server ${loadProblem(`${log}\n${String(error)}`)}`);
  }
}

function loadProblem(text: string): string {
  if (/Can't handle RDB format version/i.test(text)) return 'here is too old to load its RDB version';
  if (/CRC error|wrong RDB checksum/i.test(text)) return 'found a wrong checksum in the RDB';
  if (/short read|unexpected EOF|signature/i.test(text)) return 'found the RDB cut short or damaged';
  if (/was not found/.test(text)) return 'cannot be started here: redis-server was not found';
  if (/was not ready/.test(text)) return 'was not ready in time';
  return 'could not load the RDB';
}

function scratchStore(url: string): Store {
  return { name: 'scratch', side: 'source', url, appUsers: [] };
}
