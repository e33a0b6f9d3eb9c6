import { randomBytes } from 'node:crypto';
import { copyFile, link, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Store } from '../../domain/plan/plan.ts';
import { type Engine, foundEngines, NAME_A_NEWER_ENGINE } from '../../servers/found-engines.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { openStore } from '../client/connection.ts';
import { BackupUnproven } from './unproven.ts';

/** More databases than a store has. A server does not load an RDB with a database number above its limit. */
const DATABASES = 1024;
const HEAD_BYTES = 512;
const FROZEN_MS = 7 * 86_400_000;

/** A scratch server that holds a backup. `open` returns a connection to one of its databases, with writes paused. */
export type Scratch = { readonly open: (database: number) => Promise<Redis> };

/**
 * Starts a server of our own on an RDB, calls `use` with it, and removes server and folder in every case. If this
 * machine has the engine and version that wrote the RDB, it uses that one, because its DUMPs equal those of the
 * store. Otherwise it uses the newest engine that can load the RDB.
 *
 * Appendonly is off, because otherwise the server would ignore the RDB at its start. Its writes are paused, so that
 * no key expires while it is read, and a SCAN meets every key once.
 *
 * @throws BackupUnproven when no engine of this machine can load the file
 */
export async function withScratch<T>(
  rdb: string,
  storeName: string,
  use: (scratch: Scratch) => Promise<T>,
  engines: () => Promise<readonly Engine[]> = foundEngines,
): Promise<T> {
  // The folder is beside the RDB. There a hard link costs nothing. After a kill -9 the folder lies in the partial
  // backup, and the next backup removes it.
  const dir = await mkdtemp(join(dirname(rdb), '.scratch-'));
  let server: RedisServer | null = null;
  const opened: Redis[] = [];
  try {
    const file = join(dir, 'dump.rdb');
    await link(rdb, file).catch(() => copyFile(rdb, file));
    const password = randomBytes(24).toString('hex');
    server = await bootAny(await inOrder(await engines(), rdb), { dir, password, storeName });
    const url = (database: number) => server?.url({ password, db: database }) ?? '';
    return await use({
      open: async (database) => {
        const redis = await openStore(scratchStore(url(database)), {}, 'backup-proof');
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

type Boot = { readonly dir: string; readonly password: string; readonly storeName: string };

/** Puts the engine that wrote the RDB first. The others keep their order, newest first. */
async function inOrder(engines: readonly Engine[], rdb: string): Promise<readonly Engine[]> {
  const writer = await writerOf(rdb);
  const wrote = ({ name, version }: Engine) => `${name.toLowerCase()} ${version}` === writer;
  return [...engines.filter(wrote), ...engines.filter((engine) => !wrote(engine))];
}

/**
 * Returns engine and version of the server that wrote an RDB, or `null`. An RDB begins with its own version. Then it
 * names its writer: `redis-ver` or `valkey-ver`, a length, the version.
 */
async function writerOf(rdb: string): Promise<string | null> {
  const file = await open(rdb);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.toString('latin1', 0, bytesRead);
    const [, engine, version] = /(redis|valkey)-ver[^]([0-9.]+)/.exec(head) ?? [];
    return engine && version ? `${engine} ${version}` : null;
  } finally {
    await file.close();
  }
}

/**
 * Tries one engine after the other, because another engine may load the RDB. If all fail, it reports the first
 * problem.
 */
async function bootAny(engines: readonly Engine[], one: Boot): Promise<RedisServer> {
  const problems: string[] = [];
  for (const engine of engines) {
    try {
      return await boot(engine, one);
    } catch (error) {
      problems.push(await problemOf(error, one.dir));
      await rm(join(one.dir, 'redis.log'), { force: true });
    }
  }
  const [first = `cannot be started here: none was found. ${NAME_A_NEWER_ENGINE}`] = problems;
  throw new BackupUnproven(one.storeName, `a scratch redis-server ${first}`);
}

function boot({ path }: Engine, { dir, password }: Boot): Promise<RedisServer> {
  return startRedis({
    dir,
    binary: path,
    databases: DATABASES,
    config: { dbfilename: 'dump.rdb', appendonly: 'no', requirepass: password, activerehashing: 'no' },
  });
}

/**
 * Returns the problem in our own words. The text of the log must not leave this function, nor the error that quotes it,
 * because both name the key that was being read.
 */
async function problemOf(error: unknown, dir: string): Promise<string> {
  const log = await readFile(join(dir, 'redis.log'), 'latin1').catch(() => '');
  return loadProblem(`${log}\n${String(error)}`, await hasKnownHead(join(dir, 'dump.rdb')));
}

/**
 * Returns whether a file begins like an RDB of Redis or Valkey. An RDB of Valkey 9 begins with another word, and Redis
 * reports a wrong signature for it. Without this check such a file would pass for a damaged one.
 */
async function hasKnownHead(rdb: string): Promise<boolean> {
  const file = await open(rdb);
  try {
    const { buffer } = await file.read(Buffer.alloc(9), 0, 9, 0);
    return /^(REDIS\d{4}|VALKEY\d{3})$/.test(buffer.toString('latin1'));
  } finally {
    await file.close();
  }
}

const TOO_OLD = `here is too old to load its RDB version. ${NAME_A_NEWER_ENGINE}`;

function loadProblem(text: string, knownHead: boolean): string {
  if (/Can't handle.* RDB format version|Unknown RDB (encoding|object|string)/i.test(text)) return TOO_OLD;
  if (/CRC error|wrong RDB checksum/i.test(text)) return 'found a wrong checksum in the RDB';
  if (/signature/i.test(text) && knownHead) return TOO_OLD;
  if (/short read|unexpected EOF|signature/i.test(text)) return 'found the RDB cut short or damaged';
  if (/was not ready/.test(text)) return 'was not ready in time';
  return 'could not load the RDB';
}

function scratchStore(url: string): Store {
  return { name: 'scratch', side: 'source', url, appUsers: [] };
}
