import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { aclLines, drawPasswords, type User } from './acl.ts';
import type { Closing } from './closing.ts';
import type { Home } from './entry.ts';

export type Stores = {
  url(home: Home, user: User): string;
  /** Connections of the administrator, for filling, damaging and asking for ACL rules. */
  readonly admin: Readonly<Record<Home, Redis>>;
  /** Connections that can only read, for the check. */
  readonly oracle: Readonly<Record<Home, Redis>>;
};

const HOMES: readonly Home[] = ['v1', 'nexten', 'v2'];
const DATABASES: Readonly<Record<Home, number>> = { v1: 0, nexten: 1, v2: 2 };

const USERS_OF: Readonly<Record<Home, readonly User[]>> = {
  v1: ['admin', 'jday', 'oracle', 'v1-app'],
  nexten: ['admin', 'jday', 'oracle', 'nexten-app'],
  v2: ['admin', 'jday', 'oracle', 'v2-app'],
};

/** Three servers, or one with a database for each store. */
export async function startStores(folder: string, shared: boolean, closing: Closing): Promise<Stores> {
  const passwords = drawPasswords();
  const start = async (name: string, users: readonly User[]): Promise<RedisServer> => {
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    const server = await startRedis({ dir, acl: aclLines(users, passwords) });
    closing.add(() => server.stop());
    return server;
  };
  const servers = shared
    ? await start('redis', [...new Set(HOMES.flatMap((home) => USERS_OF[home]))]).then((one) => ({
        v1: one,
        nexten: one,
        v2: one,
      }))
    : await startEach((home) => start(home, USERS_OF[home]));
  const url = (home: Home, user: User) => {
    const db = shared ? { db: DATABASES[home] } : {};
    return servers[home].url({ user, password: passwords[user], ...db });
  };
  const open = (home: Home, user: User) => connect(url(home, user), closing);
  return {
    url,
    admin: await startEach((home) => open(home, 'admin')),
    oracle: await startEach((home) => open(home, 'oracle')),
  };
}

async function startEach<T>(start: (home: Home) => Promise<T>): Promise<Record<Home, T>> {
  const [v1, nexten, v2] = await Promise.all([start('v1'), start('nexten'), start('v2')]);
  return { v1, nexten, v2 };
}

async function connect(url: string, closing: Closing): Promise<Redis> {
  const redis = new Redis(url, {
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  // Without a listener ioredis prints the error itself, address included; the rejected command tells it anyway.
  redis.on('error', () => {});
  await redis.connect();
  closing.add(() => redis.disconnect());
  return redis;
}
