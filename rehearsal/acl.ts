import { randomBytes } from 'node:crypto';

/**
 * Rights of our own user, command by command. Nothing here can empty a database or list all keys (L6). As text and
 * on purpose apart from the preflight's own list: a test compares the two.
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
  +client|unblock +client|kill
`
  .trim()
  .replace(/\s+/g, ' ');

/** What services need: read and write every key; no administration, no FLUSH*, no KEYS. */
const APP_RIGHTS = '~* &* -@all +@read +@write +@connection +@transaction -@dangerous';

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

/** New passwords for each run. */
export function drawPasswords(): Readonly<Record<User, string>> {
  const drawn = USERS.map((user) => [user, randomBytes(18).toString('base64url')] as const);
  return Object.fromEntries(drawn) as Record<User, string>;
}

/** Lines of users.acl for a server that these users may enter; nobody else may. */
export function aclLines(users: readonly User[], passwords: Readonly<Record<User, string>>): string[] {
  const lines = users.map((user) => `user ${user} on >${passwords[user]} ${RIGHTS[user]}`);
  return ['user default off', ...lines];
}
