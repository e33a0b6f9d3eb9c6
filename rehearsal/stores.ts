import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import type { Closing } from './closing.ts';
import type { Home } from './entry.ts';
import { randomBytes } from 'node:crypto';

export type RehearsalStores = {
  url(home: Home, user: User): string;
  /** Connections of the administrator: for filling, damaging, and reading ACL rules. */
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

/** Starts three servers, or one server with a database for each store. */
export async function startStores(
  folder: string,
  shared: boolean,
  closing: Closing,
): Promise<RehearsalStores> {
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
  // Without a listener ioredis prints the error itself, with the address in it. The rejected command reports the error
  // anyway.
  redis.on('error', () => {});
  await redis.connect();
  closing.add(() => redis.disconnect());
  return redis;
}

/**
 * The rights of our own user, command by command. None of them can empty a database or list all keys. This list is text
 * and separate from the list of the preflight on purpose: a test compares the two.
 */
export const JDAY_COMMANDS = `
  +ping +select +info +time +role +command|info +config|get +client|id +client|setname +client|list
  +dbsize +memory|usage +cluster|slots +cluster|nodes
  +client|tracking +client|trackinginfo +subscribe +unsubscribe
  +psync +replconf
  +scan +type +exists +dump +pexpiretime +pttl +object|encoding +strlen +get +mget +getrange +hget
  +hmget +hgetall +hlen +hscan +hexists +hkeys +hstrlen +lrange +llen +lindex +smembers +sismember
  +sscan +scard +zrange +zscan +zcard +zscore +xrange +xlen +xinfo|stream +xinfo|groups
  +xinfo|consumers +xpending
  +restore +rename +del +unlink +set +setnx +setrange +append +incr +incrby +hset +hsetnx +hdel +hincrby
  +rpush +lpush +lpop +rpop +lrem +ltrim +sadd +srem +zadd +zrem +xadd +xdel +xtrim +xsetid
  +xgroup|create +xgroup|createconsumer +xgroup|setid +xclaim +pexpire +pexpireat +persist
  +eval +evalsha +eval_ro +evalsha_ro +script|load +script|exists +watch +unwatch +multi +exec
  +discard
  +acl|whoami +acl|dryrun
  +acl|list +acl|getuser +acl|setuser +acl|deluser +client|pause +client|unpause
  +client|unblock +client|kill +acl|save +config|rewrite
`
  .trim()
  .replace(/\s+/g, ' ');

/** The keys of the services, by family. They may read our authority record, and no other key of ours. */
const APP_KEYS = `
  ~match:* ~candidate:* ~session:* ~metrics:* ~user_feedback:* ~user_stats:* ~config:algorithms:* ~weights:*
  ~embedding:* ~embeddings:* ~model:* ~feature:* ~flags:* ~rq:* ~algo:* ~tracking:* ~health* ~rate_limit:*
  %R~jday:authority
`
  .trim()
  .replace(/\s+/g, ' ');

/** The rights that services need: they read and write their keys, but get no administration, no FLUSH* and no KEYS. */
const APP_RIGHTS = `${APP_KEYS} &* -@all +@read +@write +@connection +@transaction -@dangerous`;

export const USERS = ['admin', 'v1-app', 'nexten-app', 'v2-app', 'jday', 'oracle'] as const;
export type User = (typeof USERS)[number];

const RIGHTS: Readonly<Record<User, string>> = {
  admin: '~* &* +@all',
  'v1-app': APP_RIGHTS,
  'nexten-app': APP_RIGHTS,
  'v2-app': APP_RIGHTS,
  jday: `~* &* -@all ${JDAY_COMMANDS}`,
  oracle: '~* -@all +@read +@connection -@dangerous',
};

/** Draws new passwords for each run. */
export function drawPasswords(): Readonly<Record<User, string>> {
  const drawn = USERS.map((user) => [user, randomBytes(18).toString('base64url')] as const);
  return Object.fromEntries(drawn) as Record<User, string>;
}

/** @returns the lines of users.acl for a server that only these users may enter */
export function aclLines(users: readonly User[], passwords: Readonly<Record<User, string>>): string[] {
  const lines = users.map((user) => `user ${user} on >${passwords[user]} ${RIGHTS[user]}`);
  return ['user default off', ...lines];
}
