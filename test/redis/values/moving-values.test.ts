import { describe, expect, test } from 'vitest';
import { streamedSet } from '../../../redis/replication/large/staged-write.ts';
import { type Rebuild, stringLength, ValueMoved, readInChunks } from '../../../redis/client/chunked-read.ts';
import { findTool } from '../../../servers/tools.ts';
import { withRedis } from '../../support/servers/redis.ts';

async function* pieces(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function* unsteady(): AsyncGenerator<Buffer> {
  yield* pieces('ab');
  throw new ValueMoved('the key has another type by now');
}

describe('a value that an app changes while it is read in pieces', () => {
  const world = withRedis();
  const key = Buffer.from('shadow');

  test.each([
    ['became shorter', () => pieces('ab', 'cd')],
    ['became longer', () => pieces('abcdef', 'ghijkl')],
    ['has another type', unsteady],
  ])('is walked over again where it %s, and costs no connection (L8)', async (_how, of) => {
    const redis = await world.connect();
    await expect(streamedSet(redis, key, 10, of())).rejects.toThrow(ValueMoved);
    expect(await redis.ping()).toBe('PONG');
    await streamedSet(redis, key, 4, pieces('ab', 'cd'));
    expect(await redis.get(key)).toBe('abcd');
  });

  test('is walked over again where it was a string a moment ago (L8)', async () => {
    await world.client.rpush('list', 'a');
    await expect(stringLength(world.client, Buffer.from('list'))).rejects.toThrow(ValueMoved);
  });
});

describe.each([
  { name: 'Redis 7.0', options: {} },
  { name: 'Valkey 9.1', options: { binary: findTool('valkey-server') } },
])('a stream that is rebuilt by commands on $name', ({ options }) => {
  const world = withRedis(options);
  const shown = async (key: string) => {
    const info = (await world.client.call('XINFO', ['STREAM', key, 'FULL'])) as unknown[];
    const of = (name: string) => info[info.indexOf(name) + 1];
    return ['last-generated-id', 'max-deleted-entry-id', 'entries-added', 'entries'].map(of);
  };

  test.each([
    ['whose last id was set and that never held an entry', [['XSETID', '7-1']]],
    ['whose pending messages were trimmed', [['ADD'], ['READ'], ['XTRIM', 'MAXLEN', '1']]],
    ['whose pending messages were all trimmed', [['ADD'], ['READ'], ['XTRIM', 'MAXLEN', '0']]],
    ['of which one message was deleted', [['ADD'], ['READ'], ['XDEL', '2-1']]],
  ] as const)('%s keeps what it says of deleted entries (L2)', async (_which, acts) => {
    const redis = world.client;
    await redis.flushall();
    await redis.xgroup('CREATE', 'stream', 'g', '0', 'MKSTREAM');
    for (const [word, ...args] of acts) {
      if (word === 'ADD') for (const id of ['1-1', '2-1', '3-1']) await redis.xadd('stream', id, 'a', id);
      else if (word === 'READ') await redis.call('XREADGROUP', ['GROUP', 'g', 'c', 'STREAMS', 'stream', '>']);
      else await redis.call(word, ['stream', ...args]);
    }
    const one = { redis, key: Buffer.from('stream'), type: 'stream', fieldTtls: false };
    const commands: Rebuild[] = [];
    for await (const piece of readInChunks(one)) commands.push(piece);
    for (const { words, args } of commands) {
      const [name = '', ...rest] = words;
      await redis.call(name, [...rest, 'copy', ...args]);
    }
    expect(await shown('copy')).toEqual(await shown('stream'));
    expect((await redis.xpending('copy', 'g'))[0]).toBe((await redis.xpending('stream', 'g'))[0]);
  });
});
