import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { findTool } from '../../../servers/tools.ts';
import { withBlobModule } from '../../support/servers/blob-module.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';

const module = withBlobModule();
const knowing = { config: { loadmodule: module ?? '' } };
const valkey = { binary: findTool('valkey-server') };
const LARGE = Buffer.alloc(300_000, 'x');

describe.skipIf(module === null).each([
  { name: 'Redis 7.0 with the module → Redis 7.0 without', servers: { v1: knowing } },
  { name: 'Redis 7.0 with the module → Valkey 9.1 without', servers: { v1: knowing, v2: valkey } },
])('$name', ({ servers }) => {
  const world = withSyncWorld(servers);
  const plan = planOf([
    dataset({ name: 'match' }),
    dataset({ name: 'documents', transform: 'offers_to_jobs' }),
  ]);

  test('values that V2 refuses go to quarantine, small and large, and stop nobody (L11)', async () => {
    const { v1, v2 } = world;
    await v1.client.set('match:before', 'a string');
    await v1.client.call('blob.set', 'match:small', 'bytes');
    await v1.client.call('blob.set', 'match:large', LARGE);
    await v1.client.call('blob.set', 'documents:small', 'bytes');
    await v1.client.call('blob.set', 'documents:large', LARGE);
    const sync = await world.start(plan);
    await sync.live();
    await eventually('four in quarantine', () => sync.status()?.quarantined === 4);
    const { token } = sync.status() ?? {};
    await sameString(v1.client, v2.client, 'match:before', 'a string');
    await v2.client.set('match:after', 'on V2');
    await sameString(v1.client, v2.client, 'match:after', 'on V2');
    expect(await v2.client.exists('match:small', 'match:large', 'documents:small', 'documents:large')).toBe(
      0,
    );
    expect(sync.status()?.token).toBe(token);
    await v1.client.set('match:small', 'a string now');
    await v1.client.set('match:large', 'this one too');
    await v1.client.del('documents:small', 'documents:large');
    await sameString(v1.client, v2.client, 'match:large', 'this one too');
    await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
  });

  test('one that stands against a value of V2 stays where it is, and so does V2’s: nobody has lost (L2, L11)', async () => {
    const { v1, v2 } = world;
    for (const [name, value] of [
      ['small', 'bytes'],
      ['large', LARGE],
    ] as const) {
      await v1.client.call('blob.set', `match:${name}`, value);
      await v2.client.set(`match:${name}`, 'of V2');
    }
    const sync = await world.start(plan);
    await sync.live();
    await eventually('both in quarantine', () => sync.status()?.quarantined === 2);
    expect(await v2.client.mget('match:small', 'match:large')).toEqual(['of V2', 'of V2']);
    expect(await v1.client.type('match:large')).toBe('jday-blob');
    expect(await v2.client.hlen('jday:test:journal:v1')).toBe(0);
    expect(sync.status()?.conflicts).toBe(0);
  });
});

describe.skipIf(module === null).each([
  { name: 'Redis 7.0 → Redis 7.0, both with the module', servers: { v1: knowing, v2: knowing } },
  {
    name: 'Redis 7.0 → Valkey 9.1, both with the module',
    servers: { v1: knowing, v2: { ...valkey, ...knowing } },
  },
])('$name', ({ servers }) => {
  const world = withSyncWorld(servers);
  const plan = planOf([dataset({ name: 'match' })]);
  const dumped = async (redis: Redis, key: string) =>
    (await redis.dumpBuffer(key))?.includes('bytes') ?? false;

  test('a small value travels with its expiry, a large one goes to quarantine (L4, L11)', async () => {
    const { v1, v2 } = world;
    const at = Date.now() + 600_000;
    await v1.client.call('blob.set', 'match:small', 'bytes');
    await v1.client.pexpireat('match:small', at);
    await v1.client.call('blob.set', 'match:large', LARGE);
    const sync = await world.start(plan);
    await sync.live();
    await eventually('the small one on V2', () => dumped(v2.client, 'match:small'));
    expect(await v2.client.pexpiretime('match:small')).toBe(at);
    await eventually('the large one in quarantine', () => sync.status()?.quarantined === 1);
    expect(await v2.client.exists('match:large')).toBe(0);
  });

  test('a large one of V2’s own is left alone until its app changes it, then it is in quarantine (L6, L11)', async () => {
    const { v1, v2 } = world;
    await v2.client.call('blob.set', 'match:own', LARGE);
    const sync = await world.start(plan);
    await sync.live();
    expect(sync.status()?.quarantined).toBe(0);
    await v2.client.call('blob.set', 'match:own', Buffer.alloc(300_000, 'y'));
    await eventually('it is in quarantine', () => sync.status()?.quarantined === 1);
    expect(await v1.client.exists('match:own')).toBe(0);
  });
});
