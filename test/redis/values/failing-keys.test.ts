import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { eventually } from '../../support/eventually.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);

describe('a key that fails is one key, and does not end the sync', () => {
  const world = withSyncWorld();
  const lines = {
    v1: withFaultProxy(() => world.v1.server.port),
    v2: withFaultProxy(() => world.v2.server.port),
  };
  const record = () => world.v2.client.hget(keyspaceOf('test').quarantine('v1'), 'match:large');
  afterEach(async () => {
    await world.v2.client.acl('SETUSER', 'default', 'allkeys');
    for (const { proxy } of Object.values(lines)) proxy.set({ kind: 'none' });
  });

  const lineOf = [
    ['v1', 'v2', 'server'],
    ['v2', 'v1', 'server'],
    ['v1', 'v1', 'client'],
  ] as const;

  test.each(allOrFew(lineOf, lineOf.slice(0, 1)))(
    'a large value of %s at which the line of %s breaks: in quarantine after three times, others travel, and it arrives when the line holds (L8, L11)',
    async (from, broken, to) => {
      const other = from === 'v1' ? 'v2' : 'v1';
      const sync = await world.start(plan, undefined, { ports: { [broken]: lines[broken].proxy.port } });
      await sync.live();
      const token = sync.status()?.token;
      lines[broken].proxy.set({ kind: 'cut after', bytes: 400_000, to }, /large$/);
      await world[from].client.set('match:large', Buffer.alloc(1_000_000, 'x'));
      await eventually('the quarantine', () => sync.status()?.quarantined === 1);
      await world[from].client.set('match:small', 'x');
      await eventually('a small key', async () => (await world[other].client.get('match:small')) === 'x');
      await eventually('nothing pending', () => {
        const { toTarget, toSource } = sync.status()?.pending ?? {};
        return toTarget === 0 && toSource === 0;
      });
      expect(await record()).toMatch(/^\{"side":"source","dataset":"match","reason":"the line [^"]*"/);
      lines[broken].proxy.set({ kind: 'none' });
      await world[from].client.append('match:large', 'y');
      const arrived = async () => (await world[other].client.strlen('match:large')) === 1_000_001;
      await eventually('the large one', arrived);
      await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
      expect(sync.status()?.token).toBe(token);
      expect((await world[other].client.keys('jday:test:shadow:*')).length).toBe(0);
      await sync.stop();
    },
  );

  test('a small one that a server refuses among others of its batch: they travel, it waits in quarantine until it can (L8, L11)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await v2.client.acl('SETUSER', 'default', 'resetkeys', '~', '~jday:*', '~match:a*');
    const names = ['match:a1', 'match:b', 'match:a2', 'match:a3'];
    await v1.client.mset(...names.flatMap((name) => [name, 'x']));
    for (const name of names.filter((one) => one !== 'match:b'))
      await eventually(name, async () => (await v2.client.get(name)) === 'x');
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await v1.client.set('match:b', 'y');
    await eventually('the refused one', async () => (await v2.client.get('match:b')) === 'y');
    await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
    await sync.stop();
  });

  test('two that are refused together, in a batch of their own, do not end the sync: others travel, both are named (L8, L11)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    const token = sync.status()?.token;
    await v2.client.acl('SETUSER', 'default', 'resetkeys', '~', '~jday:*', '~match:fine');
    await v1.client.mset('match:refused:1', 'x', 'match:refused:2', 'x');
    await eventually('the quarantine', () => sync.status()?.quarantined === 2);
    await v1.client.set('match:fine', 'x');
    await eventually('another', async () => (await v2.client.get('match:fine')) === 'x');
    expect(sync.status()?.token).toBe(token);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await v1.client.mset('match:refused:1', 'y', 'match:refused:2', 'y');
    await eventually('both', async () => (await v2.client.get('match:refused:2')) === 'y');
    await sync.stop();
  });

  test('batches that are in one call do not share the fate of a key that a server refuses (L8, L11)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    const token = sync.status()?.token;
    await v2.client.acl('SETUSER', 'default', 'resetkeys', '~', '~jday:*', '~match:fine:*');
    const fine = Array.from({ length: 140 }, (_, i) => `match:fine:${i}`);
    await v1.client.mset(...['match:poison', ...fine].flatMap((name) => [name, 'x']));
    for (const name of fine) await eventually(name, async () => (await v2.client.get(name)) === 'x');
    await eventually('the quarantine', () => (sync.status()?.quarantined ?? 0) > 0);
    expect(await v2.client.hkeys(keyspaceOf('test').quarantine('v1'))).toEqual(['match:poison']);
    expect(sync.status()?.token).toBe(token);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await sync.stop();
  });

  test('a key that a server refuses when its own echo is looked at does not end the attempt (L8)', async () => {
    const { v1, v2 } = world;
    const { proxy } = lines.v2;
    const refuse = async (step: string) => {
      if (step !== 'applied target' || (await v2.client.exists('match:poison')) === 0) return;
      await v2.client.acl('SETUSER', 'default', 'resetkeys', '~', '~jday:*', '~match:fine');
      proxy.set({ kind: 'none' });
    };
    const sync = await world.start(plan, refuse, { ports: { v2: proxy.port } });
    await sync.live();
    // The feed is held, so the event of our own write comes only when the key is refused.
    proxy.set({ kind: 'half open', deaf: 'client' }, /feed$/);
    await v1.client.set('match:poison', 'x');
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    await v1.client.set('match:fine', 'x');
    await eventually('another', async () => (await v2.client.get('match:fine')) === 'x');
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await sync.stop();
  });

  const refuse = (...allowed: readonly string[]) =>
    world.v2.client.acl('SETUSER', 'default', 'resetkeys', '~', '~jday:*', ...allowed);
  const drain = (withinMs: number) =>
    drainLinks(world.v2.client, keyspaceOf('test'), linksOf(plan), 'source', performance.now() + withinMs);

  test('a key that is refused for a moment is tried again in a moment, and not named in quarantine (L8)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await v2.client.acl('LOG', 'RESET');
    await refuse();
    await v1.client.set('match:b', 'x');
    await eventually('the refusal', async () => ((await v2.client.acl('LOG')) as unknown[]).length > 0);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await eventually('the key', async () => (await v2.client.get('match:b')) === 'x');
    expect(await v2.client.hlen(keyspaceOf('test').quarantine('v1'))).toBe(0);
    await sync.stop();
  });

  test('a key that failed is not left behind by a drain, which tries it again at once (L2)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await refuse();
    await v1.client.set('match:b', 'x');
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    await expect(drain(500)).rejects.toThrow(/did not drain in time: v1; 1 key\(s\) failed again and again/);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await drain(5_000);
    expect(await v2.client.get('match:b')).toBe('x');
    await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
    await sync.stop();
  });

  test('what an earlier attempt has named in quarantine is tried again by the next, also where the key is gone (L11)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await refuse();
    await v1.client.set('match:b', 'x');
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    await sync.stop();
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await v1.client.del('match:b');
    const next = await world.start(plan);
    await next.live();
    await eventually('an empty quarantine', () => next.status()?.quarantined === 0);
    await next.stop();
  });

  test('a value that is kept in quarantine is kept when its key fails (L11)', async () => {
    const { v1, v2 } = world;
    const kept = '{"side":"source","dataset":"match","reason":"kept"}\nvalue';
    await v2.client.hset(keyspaceOf('test').quarantine('v1'), 'match:b', kept);
    const sync = await world.start(plan);
    await sync.live();
    await refuse();
    await v1.client.set('match:b', 'x');
    await expect(drain(3_000)).rejects.toThrow(/1 key\(s\) failed again and again/);
    expect(await v2.client.hget(keyspaceOf('test').quarantine('v1'), 'match:b')).toBe(kept);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await sync.stop();
  });

  test('what was carried beside a write that a server refuses is counted as carried (L2)', async () => {
    const { v1, v2 } = world;
    // The large values go in two calls of two. The server refuses writes of the poison key, but not reads.
    const fine = ['match:fine:1', 'match:fine:2', 'match:fine:3', 'match:fine:4'];
    for (const name of fine) await v1.client.set(name, randomBytes(100_000));
    await v1.client.set('match:poison', 'x');
    await refuse('~match:fine:*', '%R~match:poison');
    const sync = await world.start(plan);
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    expect(await v2.client.exists(...fine)).toBe(4);
    expect(sync.status()?.carried.toTarget).toBe(4);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    await sync.stop();
  });

  test('many keys refused in a row, and none that succeeds, is a server that refuses: none goes to quarantine, and all arrive later (L8, L11)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await v2.client.acl('SETUSER', 'default', 'resetkeys', '~', '~jday:*');
    const names = Array.from({ length: 200 }, (_, i) => `match:refused:${i}`);
    await v1.client.mset(...names.flatMap((name) => [name, 'x']));
    await expect(sync.done).rejects.toThrow(/^NOPERM/);
    await v2.client.acl('SETUSER', 'default', 'allkeys');
    expect(await v2.client.hlen(keyspaceOf('test').quarantine('v1'))).toBe(0);
    const next = await world.start(plan);
    for (const name of names) await eventually(name, async () => (await v2.client.get(name)) === 'x');
    await next.stop();
  });
});
