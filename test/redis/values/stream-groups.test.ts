import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { byteString } from '../../../redis/client/key-bytes.ts';
import { readTyped } from '../../../redis/verify/typed-read.ts';
import { fingerprint } from '../../../redis/verify/typed-state.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const binary = findTool('valkey-server');
const LARGE_BYTES = 200_000;
const READ = ['XREADGROUP', 'GROUP', 'g'];

/** Writes a stream of three entries. Group `g` has read two of them and acknowledged none, `idle` has read nothing. */
async function writeJobs(redis: Redis, key: string, bytes: number): Promise<void> {
  for (const id of ['1-1', '2-1', '3-1'])
    await redis.xadd(key, id, 'job', id === '3-1' ? 'x'.repeat(bytes) : '');
  await redis.xgroup('CREATE', key, 'g', '0');
  await redis.xgroup('CREATE', key, 'idle', '0');
  await redis.call('XREADGROUP', ['GROUP', 'g', 'one', 'COUNT', '2', 'STREAMS', key, '>']);
}

/** Commands that raise no event, by the name of the stream that each changes. */
const SILENT: Readonly<Record<string, (key: string) => readonly string[]>> = {
  'match:read': (key) => [...READ, 'two', 'COUNT', '1', 'STREAMS', key, '>'],
  'match:read without pending': (key) => [...READ, 'one', 'NOACK', 'COUNT', '1', 'STREAMS', key, '>'],
  'match:read again': (key) => [...READ, 'one', 'STREAMS', key, '0'],
  'match:acknowledged': (key) => ['XACK', key, 'g', '1-1'],
  'match:claimed': (key) => ['XCLAIM', key, 'g', 'two', '0', '2-1'],
  'match:claimed by itself': (key) => ['XAUTOCLAIM', key, 'g', 'two', '0', '0'],
  'match:new group': (key) => ['XGROUP', 'CREATE', key, 'new', '$'],
  'match:set group': (key) => ['XGROUP', 'SETID', key, 'idle', '2-1'],
  'match:no group': (key) => ['XGROUP', 'DESTROY', key, 'g'],
  'match:no consumer': (key) => ['XGROUP', 'DELCONSUMER', key, 'g', 'one'],
  'match:set': (key) => ['XSETID', key, '9-9'],
};
const KEYS = Object.keys(SILENT);

const shown = async (redis: Redis) =>
  (
    await readTyped(
      redis,
      KEYS.map((key) => byteString(Buffer.from(key))),
    )
  ).map(fingerprint);

async function sameStreams(here: Redis, there: Redis): Promise<void> {
  const here0 = await shown(here);
  await eventually('the other side to hold the same', async () => {
    expect(await shown(there)).toEqual(here0);
    return true;
  });
}

const ENGINES = [
  { name: 'Redis 7.0 → Valkey 9.1', servers: { v2: { binary } } },
  { name: 'Redis 7.0', servers: {} },
  { name: 'Valkey 9.1', servers: { v1: { binary }, v2: { binary } } },
];

describe.each(allOrFew(ENGINES, ENGINES.slice(0, 1)))('what raises no event, on $name', ({ servers }) => {
  const world = withSyncWorld(servers);
  const plan = planOf([dataset({ name: 'match' })]);

  test('travels in a stream with more pending messages than one call reads (L2)', async () => {
    const [here, there] = [world.v1.client, world.v2.client];
    const ids = Array.from({ length: 600 }, (_, i) => `${i + 1}-1`);
    await Promise.all(ids.map((id) => here.xadd('match:many', id, 'job', '')));
    await here.xgroup('CREATE', 'match:many', 'g', '0');
    await here.call('XREADGROUP', ['GROUP', 'g', 'one', 'STREAMS', 'match:many', '>']);
    const sync = await world.start(plan);
    await sync.live();
    const pending = async (redis: Redis) => Number((await redis.xpending('match:many', 'g'))[0]);
    await eventually('all pending on V2', async () => (await pending(there)) === 600);
    // Twice, because after the first poll of a stream the sync reads it in any case.
    for (const [acknowledged, left] of [
      [ids.slice(0, 5), 595],
      [ids.slice(5, 12), 588],
    ] as const) {
      await here.xack('match:many', 'g', ...acknowledged);
      await eventually('the acknowledgements on V2', async () => (await pending(there)) === left);
    }
  });

  test.each([
    { size: 'small', bytes: 1, from: 'v1', to: 'v2' },
    { size: 'large', bytes: LARGE_BYTES, from: 'v1', to: 'v2' },
    { size: 'small', bytes: 1, from: 'v2', to: 'v1' },
  ] as const)('travels in a $size stream from $from (L2)', async ({ bytes, from, to }) => {
    const [here, there] = [world[from].client, world[to].client];
    for (const key of KEYS) await writeJobs(world.v1.client, key, bytes);
    const sync = await world.start(plan);
    await sync.live();
    await sameStreams(world.v1.client, world.v2.client);
    const before = await shown(here);
    for (const [key, command] of Object.entries(SILENT)) {
      const [name = '', ...args] = command(key);
      await here.call(name, args);
    }
    const after = await shown(here);
    expect(KEYS.filter((_key, i) => after[i] === before[i])).toEqual([]);
    await sameStreams(here, there);
    expect(sync.status()).toMatchObject({ conflicts: 0, quarantined: 0 });
  });

  test.each([
    { size: 'small', bytes: 1 },
    { size: 'large', bytes: LARGE_BYTES },
  ])(
    'in a $size stream is not written over by what was decided before: it is a conflict (L2)',
    async ({ bytes }) => {
      const { v1, v2 } = world;
      await writeJobs(v1.client, 'match:jobs', bytes);
      const between: (() => Promise<unknown>)[] = [];
      const sync = await world.start(plan, async (step) => {
        if (step === 'before apply target') await between.pop()?.();
      });
      await sync.live();
      await eventually('the copy', async () => (await v2.client.xlen('match:jobs')) === 3);
      between.push(() => v2.client.xack('match:jobs', 'g', '1-1'));
      await v1.client.xadd('match:jobs', '7-1', 'from', 'V1');
      await eventually('the entry', async () => (await v2.client.xlen('match:jobs')) === 4);
      await eventually('a conflict', () => sync.status()?.conflicts === 1);
    },
  );

  test('a consumer that asks in vain moves nothing, and costs no write of the other side its place (L2, L3)', async () => {
    const { v1, v2 } = world;
    await writeJobs(v1.client, 'match:jobs', 1);
    await writeJobs(v1.client, 'match:clock', 1);
    const sync = await world.start(plan);
    await sync.live();
    const askInVain = () => v1.client.call('XREADGROUP', ['GROUP', 'g', 'one', 'STREAMS', 'match:jobs', '>']);
    await askInVain();
    await v1.client.call('XGROUP', ['SETID', 'match:jobs', 'g', '$']);
    // The sync polls one stream after the other, so a poll of another stream may come first.
    await eventually('what was read', async () => (await v2.client.xpending('match:jobs', 'g'))[0] === 3);
    const carried = () => sync.status()?.carried.toTarget ?? 0;
    const pending = async (redis: Redis) => (await redis.xpending('match:clock', 'g'))[0];
    const oneRound = async (id: string) => {
      await v1.client.xack('match:clock', 'g', id);
      await eventually('a round', async () => (await pending(v2.client)) === (await pending(v1.client)));
    };
    await oneRound('1-1');
    const before = carried();
    for (let i = 0; i < 5; i++) await askInVain();
    await v2.client.xadd('match:jobs', '7-1', 'from', 'V2');
    await eventually('the entry', async () => (await v1.client.xlen('match:jobs')) === 4);
    for (let i = 0; i < 5; i++) await askInVain();
    await oneRound('2-1');
    expect(sync.status()).toMatchObject({ conflicts: 0 });
    expect(carried() - before).toBeLessThan(5);
  });
});
