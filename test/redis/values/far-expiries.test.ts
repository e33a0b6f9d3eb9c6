import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { clearTarget } from '../../../redis/cleanup/clear-target.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { readTyped } from '../../../redis/verify/typed-read.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { LARGE_TYPES, writeLarge } from '../../support/values/large-values.ts';
import { sameKey } from '../../support/values/same-key.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { wordsOf } from '../../support/house/words.ts';

const valkey = { binary: findTool('valkey-server') };
const MOST = (2n ** 63n - 1n).toString();

/** Numbers around the last exact double, numbers that no double holds, and the largest one that a server takes. */
const FAR = [
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 62n + 3n,
  2n ** 63n - 1025n,
  2n ** 63n - 1n,
].map(String);

/** The expiry of a key as text, because a JavaScript number would be rounded. */
async function until(redis: Redis, key: string): Promise<string> {
  const exact = redis.duplicate({ stringNumbers: true, protocol: 2 });
  try {
    return String(await exact.call('PEXPIRETIME', key));
  } finally {
    exact.disconnect();
  }
}

const ENGINES = [
  { name: 'Redis 7.0 → Valkey 9.1', servers: { v2: valkey } },
  { name: 'Valkey 9.1 → Redis 7.0', servers: { v1: valkey } },
  { name: 'Redis 7.0 → Redis 7.0', servers: {} },
];

describe.each(allOrFew(ENGINES, ENGINES.slice(0, 1)))(
  'expiries that no double holds, $name',
  ({ servers }) => {
    const world = withSyncWorld(servers);
    const plan = planOf([dataset({ name: 'match' })]);

    test('travel both ways to the letter, change by one ms, and cause no write of their own (L3, L4)', async () => {
      const { v1, v2 } = world;
      for (const at of FAR) {
        await v1.client.set(`match:${at}`, at);
        await v1.client.pexpireat(`match:${at}`, at);
      }
      const sync = await world.start(plan);
      await sync.live();
      const same = (redis: Redis, expected: (at: string) => string) =>
        Promise.all(
          FAR.map((at) =>
            eventually(
              `the expiry ${expected(at)}`,
              async () => (await until(redis, `match:${at}`)) === expected(at),
            ),
          ),
        );
      await same(v2.client, (at) => at);
      const sooner = (at: string) => (BigInt(at) - 1n).toString();
      for (const at of FAR) await v2.client.pexpireat(`match:${at}`, sooner(at));
      await same(v1.client, sooner);
      await eventually('nothing pending', () => sync.status()?.pending.toSource === 0);
      const written = await Promise.all([v1, v2].map(({ client }) => commandsOf(client)));
      const words = wordsOf(sync.status());
      await eventually('one more word', () => wordsOf(sync.status()) > words);
      expect(await Promise.all([v1, v2].map(({ client }) => commandsOf(client)))).toEqual(written);
      expect(sync.status()).toMatchObject({ conflicts: 0, quarantined: 0 });
      await v2.client.persist(`match:${MOST}`);
      await eventually('none', async () => (await until(v1.client, `match:${MOST}`)) === '-1');
      await v2.client.del(`match:${FAR[2]}`);
      await eventually('the delete', async () => (await v1.client.exists(`match:${FAR[2]}`)) === 0);
    });

    test.each(LARGE_TYPES)('a large %s with the last expiry there is (L4)', async (type) => {
      const { v1, v2 } = world;
      await writeLarge(v1.client, 'match:large', type, 12_000);
      await v1.client.pexpireat('match:large', MOST);
      await world.start(plan);
      await eventually('the copy', async () => (await until(v2.client, 'match:large')) === MOST);
      await sameKey(v1.client, v2.client, 'match:large');
    });

    test('a conflict keeps the loser, an abort gives back what stood on V2, with its expiry (L2, L6)', async () => {
      const { v1, v2 } = world;
      await v1.client.set('match:a', 'of V1');
      await v2.client.set('match:a', 'of V2');
      await v2.client.pexpireat('match:a', MOST);
      const sync = await world.start(plan);
      await eventually('the copy', async () => (await v2.client.get('match:a')) === 'of V1');
      await sync.stop();
      const journaled = await v2.client.hvalsBuffer('jday:test:journal:v1');
      expect(journaled.map((record) => record.readBigInt64BE(0).toString())).toEqual([MOST]);
      await withStores(plan, world.environment(), 'test', (stores) => clearTarget(plan, stores));
      expect(await v2.client.get('match:a')).toBe('of V2');
      expect(await until(v2.client, 'match:a')).toBe(MOST);
    });

    test('the verifier tells two apart that differ by one ms (L13)', async () => {
      const [, target] = plan.stores;
      const redis = await openStore(target as (typeof plan.stores)[1], world.environment(), 'test');
      for (const at of FAR) await redis.set(`match:${at}`, 'x');
      for (const at of FAR) await redis.pexpireat(`match:${at}`, at);
      const states = await readTyped(
        redis,
        FAR.map((at) => `match:${at}`),
      );
      redis.disconnect();
      expect(states.map((state) => String(state?.expireAtMs))).toEqual(FAR);
    });
  },
);

describe('integers that no double holds, in a stream and in fields', () => {
  const world = withSyncWorld({ v1: valkey, v2: valkey });

  test('its counter of entries travels exactly, and so does the expiry of a field (L4)', async () => {
    const { v1, v2 } = world;
    const added = (2n ** 62n + 1n).toString();
    await writeLarge(v1.client, 'match:s', 'stream', 12_000);
    const last = '18446744073709551615-18446744073709551615';
    await v1.client.call('XSETID', ['match:s', last, 'ENTRIESADDED', added, 'MAXDELETEDID', '0-0']);
    await v1.client.hset('match:h', { a: '1', b: '2' });
    await v1.client.call('HPEXPIREAT', ['match:h', MOST, 'FIELDS', '1', 'a']);
    const sync = await world.start(planOf([dataset({ name: 'match' })]));
    await sync.live();
    await eventually('both', async () => (await v2.client.exists('match:s', 'match:h')) === 2);
    const exact = v2.client.duplicate({ stringNumbers: true, protocol: 2 });
    const info = (await exact.call('XINFO', ['STREAM', 'match:s'])) as string[];
    expect(info[info.indexOf('entries-added') + 1]).toBe(added);
    expect(await exact.call('HPEXPIRETIME', ['match:h', 'FIELDS', '2', 'a', 'b'])).toEqual([MOST, '-1']);
    await v2.client.call('HPEXPIREAT', ['match:h', FAR[4] as string, 'FIELDS', '1', 'a']);
    exact.disconnect();
    const back = v1.client.duplicate({ stringNumbers: true, protocol: 2 });
    await eventually('the change', async () => {
      const [at] = (await back.call('HPEXPIRETIME', ['match:h', 'FIELDS', '1', 'a'])) as string[];
      return at === FAR[4];
    });
    back.disconnect();
    expect(sync.status()).toMatchObject({ conflicts: 0, quarantined: 0 });
  });
});

/** How often the server has run the commands that write states. Heartbeats and our other records use other commands. */
async function commandsOf(redis: Redis): Promise<string> {
  const stats = await redis.info('commandstats');
  return (stats.match(/cmdstat_(rename|pexpireat|restore|unlink):calls=\d+/g) ?? []).join(' ');
}
