import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { eventually } from '../../support/eventually.ts';
import { writeLarge } from '../../support/values/large-values.ts';
import { sameKey } from '../../support/values/same-key.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';

const datasets = [dataset({ name: 'match', transform: 'offers_to_jobs' })];

describe('somebody still writes on V1 while V2 serves', () => {
  const world = withSyncWorld();

  /** A sync while V2 serves. `journal` reads the values in V1's conflict journal. */
  async function served(plan = planOf(datasets)) {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    for (const { client } of [v2, v1])
      await writeAuthority(await loadScripts(client), { side: 'target', epoch: 2 });
    const strays = (count: number) => eventually('the strays counted', () => sync.status()?.strays === count);
    const journal = async () =>
      Object.values(await v1.client.hgetallBuffer(keyspaceOf('test').journal('v1')));
    return { v1: v1.client, v2: v2.client, sync, strays, journal };
  }

  test('L2: it goes over no value of V2 that is at rest, is whole in the journal, and is counted', async () => {
    await world.v1.client.set('match:1', '{"offers":[]}');
    const { v1, v2, sync, strays, journal } = await served();
    await sameKeyOnV2(v2, 'match:1', '{"jobs":[]}');
    await v2.set('match:1', '{"jobs":[1]}');
    await eventually('V1 to follow', async () => (await v1.get('match:1')) === '{"offers":[1]}');
    await v1.set('match:1', '{"offers":["stray"]}');
    await eventually('V1 to be put right', async () => (await v1.get('match:1')) === '{"offers":[1]}');
    expect(await v2.get('match:1')).toBe('{"jobs":[1]}');
    await strays(1);
    expect(sync.status()?.conflicts).toBe(1);
    const [loser] = await journal();
    await v1.callBuffer('RESTORE', 'restored', '0', (loser as Buffer).subarray(8));
    expect(await v1.get('restored')).toBe('{"offers":["stray"]}');
  });

  test('L2: a delete there is taken back, a renewed expiry too', async () => {
    await world.v1.client.mset('match:1', 'one', 'match:2', 'two');
    const { v1, v2, strays } = await served();
    await v1.del('match:1');
    await v1.pexpire('match:2', 90_000);
    await strays(2);
    await sameString(v1, v2, 'match:1', 'one');
    await eventually('no expiry', async () => (await v1.pexpiretime('match:2')) === -1);
    expect(await v2.pexpiretime('match:2')).toBe(-1);
  });

  test('L2: a key that V2 does not have goes over nothing: it travels, and is counted', async () => {
    const { v1, v2, sync, strays } = await served();
    await v1.set('match:born', 'on V1');
    await sameString(v1, v2, 'match:born', 'on V1');
    await strays(1);
    expect(sync.status()?.conflicts).toBe(0);
  });

  test('L2: a large value of V2 is put back, a large one of V1 does not go over it', async () => {
    await writeLarge(world.v1.client, 'match:large', 'hash', 12_000);
    const { v1, v2, strays, journal } = await served();
    await sameKey(v1, v2, 'match:large');
    const size = await v2.hlen('match:large');
    await v1.hset('match:large', 'stray', '1');
    await eventually('V1 to be put right', async () => (await v1.hexists('match:large', 'stray')) === 0);
    await strays(1);
    await v1.unlink('match:large');
    await v1.set('match:large', 'small');
    await eventually('V1 to be put right', async () => (await v1.type('match:large')) === 'hash');
    expect([await v1.hlen('match:large'), await v2.hlen('match:large')]).toEqual([size, size]);
    expect((await journal()).length).toBeGreaterThanOrEqual(2);
  });

  test('L2: in mode forward nothing is written on V1, V2 keeps its value, and it is counted', async () => {
    await world.v1.client.set('match:1', 'one');
    const { v1, v2, strays } = await served(planOf(datasets, { mode: 'forward' }));
    await eventually('the copy', async () => (await v2.get('match:1')) === 'one');
    await v1.set('match:1', 'stray');
    await strays(1);
    expect([await v1.get('match:1'), await v2.get('match:1')]).toEqual(['stray', 'one']);
  });

  test('L2: in mode forward a large value is counted too', async () => {
    await writeLarge(world.v1.client, 'match:large', 'hash', 12_000);
    const { v1, v2, strays } = await served(planOf([dataset({ name: 'match' })], { mode: 'forward' }));
    await eventually('the copy', async () => (await v2.hlen('match:large')) === 12_000);
    await v1.hset('match:large', 'stray', '1');
    await strays(1);
    expect([await v1.hexists('match:large', 'stray'), await v2.hexists('match:large', 'stray')]).toEqual([
      1, 0,
    ]);
  });

  test('L11: a value that was in quarantine before the flip stays on V1 as it is, also when the sync begins anew', async () => {
    const unfit = '{"offers":[1],"offres":[2]}';
    await world.v1.client.set('match:1', '{"offers":[]}');
    const first = await world.start(planOf(datasets));
    await eventually('the copy', async () => (await world.v2.client.get('match:1')) === '{"jobs":[]}');
    await world.v1.client.set('match:1', unfit);
    await eventually('the quarantine', () => first.status()?.quarantined === 1);
    await first.stop();
    const { v1, v2, sync } = await served();
    await v2.set('match:2', 'one');
    await sameString(v1, v2, 'match:2', 'one');
    expect(await v1.get('match:1')).toBe(unfit);
    expect(await v2.get('match:1')).toBe('{"jobs":[]}');
    expect(sync.status()).toMatchObject({ strays: 0, quarantined: 1 });
  });
});

async function sameKeyOnV2(v2: Parameters<typeof sameKey>[1], key: string, value: string): Promise<void> {
  await eventually('the value on V2', async () => (await v2.get(key)) === value);
}
