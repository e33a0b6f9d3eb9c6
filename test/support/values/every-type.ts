import type { Redis } from 'ioredis';

const BINARY = Buffer.from([0, 255, 10, 13, 128, 42]);

/** Names that break code which quotes, matches or splits wrongly. Each is written after `prefix`. */
export const AWKWARD_NAMES: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from(' with  spaces '),
  Buffer.from('{brace}:}{'),
  Buffer.from('glob*?[a-z]\\'),
  Buffer.from('line\r\nbreak\n'),
  BINARY,
];

/** Writes keys of every type with values that are easily damaged. Returns their names. */
export async function writeEveryType(redis: Redis, prefix: string, expireAt: number): Promise<Buffer[]> {
  const names: Buffer[] = [];
  const name = (text: string | Buffer) => {
    const key = Buffer.concat([Buffer.from(prefix), Buffer.from(text)]);
    names.push(key);
    return key;
  };
  for (const [i, awkward] of AWKWARD_NAMES.entries()) await redis.set(name(awkward), BINARY.subarray(i));
  await redis.set(name('empty'), '');
  for (const text of ['3.0', '1e400', '-0', '9007199254740993', '18446744073709551616', '007'])
    await redis.set(name(`number ${text}`), text);
  await redis.set(name('expires'), 'soon', 'PXAT', expireAt);
  await redis.hset(name('hash'), { '': '', a: '1.0', [BINARY.toString('latin1')]: 'x' });
  await redis.hset(
    name('hash large'),
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, `${i}`])),
  );
  await redis.rpush(name('list'), '', 'b', BINARY, 'b');
  await redis.rpush(
    name('list large'),
    ...Array.from({ length: 500 }, (_, i) => `item ${i} ${'x'.repeat(40)}`),
  );
  await redis.sadd(name('set of integers'), 1, 2, 9007199254740993n.toString());
  await redis.sadd(name('set'), '', 'b', BINARY);
  await redis.sadd(name('set large'), ...Array.from({ length: 300 }, (_, i) => `member ${i}`));
  const scores = ['inf', '-inf', '3', '0.1', '1e300', '-5e-324', '9007199254740993', '0.30000000000000004'];
  await redis.zadd(name('zset'), ...scores.flatMap((score) => [score, `m ${score}`]));
  await redis.zadd(name('zset large'), ...Array.from({ length: 300 }, (_, i) => [i / 7, `m${i}`]).flat());
  await writeStream(redis, name('stream'));
  await redis.xgroup('CREATE', name('stream never filled'), 'group', '0', 'MKSTREAM');
  await redis.xadd(name('stream emptied'), '18446744073709551615-18446744073709551614', 'a', 'b');
  await redis.call('XTRIM', [names.at(-1) as Buffer, 'MAXLEN', '0']);
  return names;
}

/**
 * Writes a stream with 64-bit ids, two groups, and messages that are pending at two consumers. One of these messages is
 * deleted from the stream.
 */
async function writeStream(redis: Redis, key: Buffer): Promise<void> {
  for (let i = 1; i <= 90; i++)
    await redis.xadd(key, `${i}-18446744073709551615`, 'n', String(i), '', BINARY);
  await redis.xgroup('CREATE', key, 'group', '0');
  await redis.xgroup('CREATE', key, 'idle group', '$');
  await redis.call('XREADGROUP', ['GROUP', 'group', 'one', 'COUNT', '70', 'STREAMS', key, '>']);
  await redis.call('XREADGROUP', ['GROUP', 'group', 'two', 'COUNT', '5', 'STREAMS', key, '>']);
  await redis.xdel(key, '2-18446744073709551615', '90-18446744073709551615');
}
