import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { trackKeys } from '../../../redis/replication/feed/key-tracking.ts';
import { portOf } from '../../../redis/replication/store/store-port.ts';
import { silentStates } from '../../../redis/replication/reconcile/stream-groups.ts';
import { findTool } from '../../../servers/tools.ts';
import { withRedis } from '../../support/servers/redis.ts';

type Words = readonly string[];
type Case = { readonly setup: readonly Words[]; readonly key: string; readonly act: Words };

const of = (setup: readonly Words[], key: string, act: Words): Case => ({ setup, key, act });
const S = [['SET', 'k', '1']];
const TTL = [['SET', 'k', '1', 'EX', '900']];
const L = [['RPUSH', 'l', '3', '1']];
const SET = [['SADD', 's', '3', '1']];
const H = [['HSET', 'h', 'f', '1', 'g', '2']];
const HT = [...H, ['HPEXPIRE', 'h', '60000', 'FIELDS', '1', 'f']];
const Z = [['ZADD', 'z', '1', 'a', '2', 'b']];
const G = [['GEOADD', 'g', '1', '1', 'a', '1', '2', 'b']];
const P = [
  ['PFADD', 'p', 'a'],
  ['PFADD', 'p', 'b'],
];
const X = [
  ['XADD', 'x', '1-1', 'f', 'v'],
  ['XADD', 'x', '2-1', 'f', 'v'],
  ['XGROUP', 'CREATE', 'x', 'g', '0'],
];
const XR = [...X, ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'x', '>']];
const EMPTY: readonly Words[] = [];

/** For each command that may change a key: a call that does change one. */
const CASES: Readonly<Record<string, Case>> = {
  append: of(S, 'k', ['APPEND', 'k', 'z']),
  bitfield: of(S, 'k', ['BITFIELD', 'k', 'SET', 'u8', '0', '7']),
  bitop: of(S, 'd', ['BITOP', 'NOT', 'd', 'k']),
  blmove: of(L, 'd', ['BLMOVE', 'l', 'd', 'LEFT', 'RIGHT', '1']),
  blmpop: of(L, 'l', ['BLMPOP', '1', '1', 'l', 'LEFT']),
  blpop: of(L, 'l', ['BLPOP', 'l', '1']),
  brpop: of(L, 'l', ['BRPOP', 'l', '1']),
  brpoplpush: of(L, 'd', ['BRPOPLPUSH', 'l', 'd', '1']),
  bzmpop: of(Z, 'z', ['BZMPOP', '1', '1', 'z', 'MIN']),
  bzpopmax: of(Z, 'z', ['BZPOPMAX', 'z', '1']),
  bzpopmin: of(Z, 'z', ['BZPOPMIN', 'z', '1']),
  copy: of(S, 'm', ['COPY', 'k', 'm']),
  decr: of(S, 'k', ['DECR', 'k']),
  decrby: of(S, 'k', ['DECRBY', 'k', '2']),
  del: of(S, 'k', ['DEL', 'k']),
  delifeq: of(S, 'k', ['DELIFEQ', 'k', '1']),
  expire: of(S, 'k', ['EXPIRE', 'k', '100']),
  expireat: of(S, 'k', ['EXPIREAT', 'k', '4000000000']),
  geoadd: of(EMPTY, 'g', ['GEOADD', 'g', '1', '1', 'a']),
  georadius: of(G, 'd', ['GEORADIUS', 'g', '1', '1', '999', 'km', 'STORE', 'd']),
  georadiusbymember: of(G, 'd', ['GEORADIUSBYMEMBER', 'g', 'a', '999', 'km', 'STORE', 'd']),
  geosearchstore: of(G, 'd', ['GEOSEARCHSTORE', 'd', 'g', 'FROMMEMBER', 'a', 'BYRADIUS', '999', 'km']),
  getdel: of(S, 'k', ['GETDEL', 'k']),
  getex: of(S, 'k', ['GETEX', 'k', 'EX', '100']),
  getset: of(S, 'k', ['GETSET', 'k', '2']),
  hdel: of(H, 'h', ['HDEL', 'h', 'f']),
  hexpire: of(H, 'h', ['HEXPIRE', 'h', '60', 'FIELDS', '1', 'f']),
  hexpireat: of(H, 'h', ['HEXPIREAT', 'h', '4000000000', 'FIELDS', '1', 'f']),
  hgetdel: of(H, 'h', ['HGETDEL', 'h', 'FIELDS', '1', 'f']),
  hgetex: of(H, 'h', ['HGETEX', 'h', 'EX', '100', 'FIELDS', '1', 'f']),
  hincrby: of(H, 'h', ['HINCRBY', 'h', 'f', '2']),
  hincrbyfloat: of(H, 'h', ['HINCRBYFLOAT', 'h', 'f', '0.5']),
  hmset: of(EMPTY, 'h', ['HMSET', 'h', 'f', '1']),
  hpersist: of(HT, 'h', ['HPERSIST', 'h', 'FIELDS', '1', 'f']),
  hpexpire: of(H, 'h', ['HPEXPIRE', 'h', '60000', 'FIELDS', '1', 'f']),
  hpexpireat: of(H, 'h', ['HPEXPIREAT', 'h', '4000000000000', 'FIELDS', '1', 'f']),
  hset: of(H, 'h', ['HSET', 'h', 'f', '2']),
  hsetex: of(EMPTY, 'h', ['HSETEX', 'h', 'EX', '100', 'FIELDS', '1', 'f', '1']),
  hsetnx: of(H, 'h', ['HSETNX', 'h', 'q', '1']),
  incr: of(S, 'k', ['INCR', 'k']),
  incrby: of(S, 'k', ['INCRBY', 'k', '2']),
  incrbyfloat: of(S, 'k', ['INCRBYFLOAT', 'k', '0.5']),
  linsert: of(L, 'l', ['LINSERT', 'l', 'BEFORE', '1', '2']),
  lmove: of(L, 'd', ['LMOVE', 'l', 'd', 'LEFT', 'RIGHT']),
  lmpop: of(L, 'l', ['LMPOP', '1', 'l', 'LEFT']),
  lpop: of(L, 'l', ['LPOP', 'l']),
  lpush: of(L, 'l', ['LPUSH', 'l', '7']),
  lpushx: of(L, 'l', ['LPUSHX', 'l', '7']),
  lrem: of(L, 'l', ['LREM', 'l', '0', '3']),
  lset: of(L, 'l', ['LSET', 'l', '0', '2']),
  ltrim: of(L, 'l', ['LTRIM', 'l', '0', '0']),
  move: of(S, 'k', ['MOVE', 'k', '1']),
  mset: of(EMPTY, 'k', ['MSET', 'k', '1']),
  msetex: of(EMPTY, 'k', ['MSETEX', '1', 'k', '1', 'EX', '100']),
  msetnx: of(EMPTY, 'k', ['MSETNX', 'k', '1']),
  persist: of(TTL, 'k', ['PERSIST', 'k']),
  pexpire: of(S, 'k', ['PEXPIRE', 'k', '100000']),
  pexpireat: of(S, 'k', ['PEXPIREAT', 'k', '4000000000000']),
  pfadd: of(EMPTY, 'p', ['PFADD', 'p', 'a']),
  pfcount: of(P, 'p', ['PFCOUNT', 'p']),
  pfmerge: of(P, 'q', ['PFMERGE', 'q', 'p']),
  psetex: of(EMPTY, 'k', ['PSETEX', 'k', '90000', '1']),
  rename: of(S, 'k', ['RENAME', 'k', 'm']),
  renamenx: of(S, 'm', ['RENAMENX', 'k', 'm']),
  rpop: of(L, 'l', ['RPOP', 'l']),
  rpoplpush: of(L, 'd', ['RPOPLPUSH', 'l', 'd']),
  rpush: of(L, 'l', ['RPUSH', 'l', '7']),
  rpushx: of(L, 'l', ['RPUSHX', 'l', '7']),
  sadd: of(SET, 's', ['SADD', 's', '7']),
  sdiffstore: of(SET, 'd', ['SDIFFSTORE', 'd', 's']),
  set: of(S, 'k', ['SET', 'k', '2']),
  setbit: of(S, 'k', ['SETBIT', 'k', '1', '1']),
  setex: of(EMPTY, 'k', ['SETEX', 'k', '90', '1']),
  setnx: of(EMPTY, 'k', ['SETNX', 'k', '1']),
  setrange: of(S, 'k', ['SETRANGE', 'k', '1', 'z']),
  sinterstore: of(SET, 'd', ['SINTERSTORE', 'd', 's']),
  smove: of(SET, 'd', ['SMOVE', 's', 'd', '1']),
  sort: of(L, 'd', ['SORT', 'l', 'STORE', 'd']),
  spop: of(SET, 's', ['SPOP', 's']),
  srem: of(SET, 's', ['SREM', 's', '1']),
  sunionstore: of(SET, 'd', ['SUNIONSTORE', 'd', 's']),
  unlink: of(S, 'k', ['UNLINK', 'k']),
  xack: of(XR, 'x', ['XACK', 'x', 'g', '1-1']),
  xadd: of(X, 'x', ['XADD', 'x', '3-1', 'f', 'v']),
  xautoclaim: of(XR, 'x', ['XAUTOCLAIM', 'x', 'g', 'd', '0', '0']),
  xclaim: of(XR, 'x', ['XCLAIM', 'x', 'g', 'd', '0', '1-1']),
  xdel: of(X, 'x', ['XDEL', 'x', '1-1']),
  'xgroup|create': of(X, 'x', ['XGROUP', 'CREATE', 'x', 'new', '0']),
  'xgroup|createconsumer': of(X, 'x', ['XGROUP', 'CREATECONSUMER', 'x', 'g', 'd']),
  'xgroup|delconsumer': of(XR, 'x', ['XGROUP', 'DELCONSUMER', 'x', 'g', 'c']),
  'xgroup|destroy': of(X, 'x', ['XGROUP', 'DESTROY', 'x', 'g']),
  'xgroup|setid': of(X, 'x', ['XGROUP', 'SETID', 'x', 'g', '2-1']),
  xreadgroup: of(X, 'x', ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'x', '>']),
  xsetid: of(X, 'x', ['XSETID', 'x', '9-9']),
  xtrim: of(X, 'x', ['XTRIM', 'x', 'MAXLEN', '1']),
  zadd: of(Z, 'z', ['ZADD', 'z', '5', 'a']),
  zdiffstore: of(Z, 'd', ['ZDIFFSTORE', 'd', '1', 'z']),
  zincrby: of(Z, 'z', ['ZINCRBY', 'z', '1', 'a']),
  zinterstore: of(Z, 'd', ['ZINTERSTORE', 'd', '1', 'z']),
  zmpop: of(Z, 'z', ['ZMPOP', '1', 'z', 'MIN']),
  zpopmax: of(Z, 'z', ['ZPOPMAX', 'z']),
  zpopmin: of(Z, 'z', ['ZPOPMIN', 'z']),
  zrangestore: of(Z, 'd', ['ZRANGESTORE', 'd', 'z', '0', '-1']),
  zrem: of(Z, 'z', ['ZREM', 'z', 'a']),
  zremrangebylex: of([['ZADD', 'z', '0', 'a', '0', 'b']], 'z', ['ZREMRANGEBYLEX', 'z', '[a', '[a']),
  zremrangebyrank: of(Z, 'z', ['ZREMRANGEBYRANK', 'z', '0', '0']),
  zremrangebyscore: of(Z, 'z', ['ZREMRANGEBYSCORE', 'z', '1', '1']),
  zunionstore: of(Z, 'd', ['ZUNIONSTORE', 'd', '1', 'z']),
};
/** The server reports these for all keys at once, or the circuit breaker notices them. */
const OF_ALL_KEYS = new Set(['flushall', 'flushdb', 'swapdb', 'cluster|flushslot']);
/** Commands that change no app key by themselves, and RESTORE, which many tests of the sync cover. */
const ELSEWHERE = new Set([
  ...['restore', 'restore-asking', 'migrate', 'function|delete', 'function|flush', 'function|load'],
  ...['function|restore', 'eval', 'evalsha', 'fcall', 'publish', 'spublish', 'pfselftest', 'pfdebug'],
]);

/** The names of all commands that the server calls writing. Each subcommand counts for itself. */
async function writing(redis: Redis): Promise<readonly string[]> {
  type Info = [name: string, arity: number, flags: string[], ...rest: unknown[]];
  const all = (await redis.call('COMMAND')) as Info[];
  const each = all.flatMap((one) => {
    const subcommands = (one[9] ?? []) as Info[];
    return subcommands.length > 0 ? subcommands : [one];
  });
  return each
    .filter(([, , flags]) => flags.includes('write') || flags.includes('may_replicate'))
    .map(([name]) => name);
}

describe.each([
  { name: 'Redis 7.0', options: {} },
  { name: 'Valkey 9.1', options: { binary: findTool('valkey-server') } },
])('a command of $name that changes a key', ({ options }) => {
  const world = withRedis(options);

  test('raises an event, or changes the silent state of a stream (L2)', async () => {
    const redis = world.client;
    const [tracker, subscriber] = [await world.connect(), await world.connect()];
    const heard = new Set<string>();
    const keep = (keys: readonly string[] | 'everything') => {
      for (const key of keys === 'everything' ? ['*'] : keys) heard.add(key);
    };
    await trackKeys(tracker, subscriber, [''], keep, () => undefined);
    /** Waits until every event up to now has been heard. */
    const told = async () => {
      await redis.set('marker', '1');
      while (!heard.has('marker')) await subscriber.ping();
    };
    const port = await portOf('source', redis);
    const silent = async (name: string) => (await silentStates(port, [{ name }]))[0];
    const whole = async (key: string) => {
      const [dump, at] = [await redis.dumpBuffer(key), await redis.pexpiretime(key)];
      return `${dump?.toString('hex') ?? 'none'} ${at}`;
    };

    const names = (await writing(redis)).filter((name) => !OF_ALL_KEYS.has(name) && !ELSEWHERE.has(name));
    expect(names.filter((name) => !CASES[name])).toEqual([]);
    const unheard: string[] = [];
    const missed: string[] = [];
    for (const name of names) {
      const { setup, key, act } = CASES[name] as Case;
      await redis.flushall();
      for (const [word = '', ...args] of setup) await redis.call(word, [...args]);
      await told();
      const before = { whole: await whole(key), silent: await silent(key) };
      heard.clear();
      const [word = '', ...args] = act;
      await redis.call(word, [...args]);
      const after = { whole: await whole(key), silent: await silent(key) };
      expect(after.whole, `${name} changes its key`).not.toBe(before.whole);
      await told();
      if (heard.has(key)) continue;
      unheard.push(name);
      if (after.silent === before.silent) missed.push(name);
    }
    expect(missed).toEqual([]);
    // These commands raise no event, so the sync asks the streams for their state. If a later server raises an event
    // for one of them, this list gets shorter, and the sync asks more than it must.
    expect(unheard.sort()).toEqual([
      'xack',
      'xautoclaim',
      'xclaim',
      'xgroup|create',
      'xgroup|createconsumer',
      'xgroup|delconsumer',
      'xgroup|destroy',
      'xgroup|setid',
      'xreadgroup',
      'xsetid',
    ]);
  });
});
