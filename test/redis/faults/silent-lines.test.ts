import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { type LinkOptions, openStore } from '../../../redis/client/connection.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { withRedis } from '../../support/servers/redis.ts';

const REPLY_MS = 300;
/** A value of this size takes five times as long as a line may be silent. */
const BYTES = 3_000_000;
const SLOW = { kind: 'slow', bytesPerSecond: 2_000_000 } as const;

describe('a line is judged by its silence, not by how long an answer takes', () => {
  const server = withRedis();
  const held = withFaultProxy(() => server.server.port);
  const opened: Redis[] = [];
  afterEach(async () => {
    for (const redis of opened.splice(0)) redis.disconnect();
    held.proxy.set({ kind: 'none' });
    await server.client.flushall();
  });
  const through = async (options: LinkOptions = {}) => {
    const url = `redis://127.0.0.1:${held.proxy.port}`;
    const redis = await openStore({ name: 'v1', side: 'source', url, appUsers: [] }, {}, 'test', {
      replyMs: REPLY_MS,
      ...options,
    });
    opened.push(redis);
    return redis;
  };

  test('a large answer on a slow line arrives (L2)', async () => {
    await server.client.set('large', Buffer.alloc(BYTES, 'x'));
    const redis = await through();
    held.proxy.set(SLOW);
    expect((await redis.getBuffer('large'))?.length).toBe(BYTES);
    expect(await redis.ping()).toBe('PONG');
  });

  test('a large value on its way out does, of which nothing comes back meanwhile (L2)', async () => {
    const redis = await through();
    held.proxy.set(SLOW);
    await redis.set('large', Buffer.alloc(BYTES, 'x'));
    expect(await server.client.strlen('large')).toBe(BYTES);
  });

  test.each([
    ['silent', { kind: 'black hole' }],
    ['deaf', { kind: 'half open', deaf: 'server' }],
    ['so slow that it counts as silent', { kind: 'slow', bytesPerSecond: 2_000 }],
  ] as const)(
    'a peer that is %s is given up in time, and whoever waits hears why (L8)',
    async (_is, fault) => {
      await server.client.set('some', Buffer.alloc(100_000, 'x'));
      const redis = await through();
      held.proxy.set(fault);
      const from = performance.now();
      const both = await Promise.allSettled([redis.get('some'), redis.ping()]);
      expect(performance.now() - from).toBeLessThan(10 * REPLY_MS);
      for (const one of both) expect(one).toMatchObject({ reason: { name: 'LineSilent' } });
      await expect(redis.ping()).rejects.toThrow(/closed/);
    },
  );

  test('one that is silent from the start is named as such', async () => {
    held.proxy.set({ kind: 'black hole' });
    await expect(through()).rejects.toThrow(/v1.*no answer in time/);
  });

  test('a process that was held up itself does not take that for silence (L8)', async () => {
    const redis = await through();
    const answer = redis.ping();
    await new Promise(setImmediate);
    const until = performance.now() + 3 * REPLY_MS;
    while (performance.now() < until);
    expect(await answer).toBe('PONG');
    expect(redis.status).toBe('ready');
  });

  test('a server that answers each question late, but in time, is heard for as long as it takes', async () => {
    const redis = await through();
    held.proxy.set({ kind: 'delay', ms: REPLY_MS / 3 });
    for (let i = 0; i < 4; i++) await redis.ping();
    // The three loops overlap, so at each moment a request waits for its answer.
    const until = performance.now() + 3 * REPLY_MS;
    const asking = async () => {
      while (performance.now() < until) await redis.ping();
    };
    await Promise.all([asking(), asking(), asking()]);
    expect(redis.status).toBe('ready');
  });
});
