import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { connectTo, withRedis } from '../../support/servers/redis.ts';

const PATIENCE_MS = 300;

describe('the fault proxy', () => {
  const server = withRedis();
  const held = withFaultProxy(() => server.server.port);
  const opened: Redis[] = [];
  afterEach(async () => {
    for (const redis of opened.splice(0)) redis.disconnect();
    held.proxy.set({ kind: 'none' });
    await eventually('no line left', () => held.proxy.lines().length === 0);
    await server.client.flushall();
  });
  const through = async (name: string) => {
    const options = { connectionName: name, commandTimeout: PATIENCE_MS, connectTimeout: PATIENCE_MS };
    const redis = await connectTo(held.proxy.port, {
      ...options,
      disconnectTimeout: 50,
      enableReadyCheck: false,
    });
    opened.push(redis);
    await redis.ping();
    return redis;
  };
  const closed = (redis: Redis) => eventually('the end of the line', () => redis.status === 'end');

  test('a cut resets what stands and refuses what comes', async () => {
    const redis = await through('one');
    held.proxy.set({ kind: 'cut' });
    await closed(redis);
    await expect(through('two')).rejects.toThrow();
    held.proxy.set({ kind: 'none' });
    await expect(through('three')).resolves.toBeDefined();
  });

  test('a black hole swallows both ways; the late write of a client that has gone arrives when it ends', async () => {
    const redis = await through('one');
    held.proxy.set({ kind: 'black hole' });
    await expect(redis.set('late', '1')).rejects.toThrow('timed out');
    redis.disconnect();
    await closed(redis);
    expect(await server.client.exists('late')).toBe(0);
    held.proxy.set({ kind: 'none' });
    await eventually('the late write', async () => (await server.client.get('late')) === '1');
  });

  test('half open: a deaf client’s write happens and its reply does not come; a deaf server hears nothing', async () => {
    const one = await through('one');
    held.proxy.set({ kind: 'half open', deaf: 'client' });
    await expect(one.set('written', '1')).rejects.toThrow('timed out');
    expect(await server.client.get('written')).toBe('1');
    held.proxy.set({ kind: 'half open', deaf: 'server' });
    await expect(one.set('unwritten', '1')).rejects.toThrow('timed out');
    expect(await server.client.exists('unwritten')).toBe(0);
  });

  test('slow and late lines keep their measure', async () => {
    const redis = await through('one');
    held.proxy.set({ kind: 'slow', bytesPerSecond: 200 });
    let began = performance.now();
    // Ten slices of 20 bytes pass in a second. Each request has 31 bytes and takes two slices.
    await redis.echo('0123456789');
    await redis.echo('0123456789');
    expect(performance.now() - began).toBeGreaterThan(190);
    held.proxy.set({ kind: 'delay', ms: 60 });
    began = performance.now();
    await redis.ping();
    expect(performance.now() - began).toBeGreaterThan(110);
    held.proxy.set({ kind: 'slow', bytesPerSecond: 1 });
    await expect(redis.ping()).rejects.toThrow('timed out');
  });

  test('cuts in the middle of a reply and in the middle of a request', async () => {
    await server.client.set('long', 'x'.repeat(100));
    const one = await through('one');
    held.proxy.set({ kind: 'cut after', bytes: 20, to: 'client' });
    await expect(one.get('long')).rejects.toThrow();
    await closed(one);
    held.proxy.set({ kind: 'none' });
    const two = await through('two');
    held.proxy.set({ kind: 'cut after', bytes: 20, to: 'server' });
    await expect(two.set('half', 'x'.repeat(100))).rejects.toThrow();
    await closed(two);
    expect(await server.client.exists('half')).toBe(0);
  });

  test('breaks only the lines of the clients it is told', async () => {
    const [feed, data] = [await through('jday:feed'), await through('jday:data')];
    held.proxy.set({ kind: 'cut' }, /feed$/);
    await closed(feed);
    expect(await data.ping()).toBe('PONG');
    await expect(through('jday:other-feed')).rejects.toThrow();
  });
});
