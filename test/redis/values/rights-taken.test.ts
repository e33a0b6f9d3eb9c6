import { describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { startSyncing } from '../../support/worlds/kept-sync.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' }), dataset({ name: 'session', transform: 'offers_to_jobs' })]);
const valkey = { binary: findTool('valkey-server') };
/** The refusal in the words of our own check, of Redis 7.0 and of Valkey. */
const REFUSED = /NOPERM|can't run this command|no permissions to run/;

const ENGINES: readonly (readonly [string, Parameters<typeof withSyncWorld>[0]])[] = [
  ['Redis 7.0 to Valkey, by commands', { v2: valkey }],
  ['Redis 7.0', {}],
  ['Valkey', { v1: valkey, v2: valkey }],
];

describe.each(allOrFew(ENGINES, ENGINES.slice(0, 1)))(
  'a right of our user that is taken for a while and given back (%s)',
  (_engines, servers) => {
    const world = withSyncWorld(servers);
    const began = async () => {
      const sync = await startSyncing(world, plan);
      await sync.live();
      return sync;
    };
    /** Takes rights away on V1, acts, waits until V1 has refused a call of ours, and gives the rights back. */
    const without = async (rights: readonly string[], act: () => Promise<unknown>) => {
      const { client } = world.v1;
      await client.call('ACL', ['LOG', 'RESET']);
      const before = await refusals();
      await client.call('ACL', ['SETUSER', 'default', ...rights.map((right) => `-${right}`)]);
      try {
        await act();
        const told = async () => ((await client.call('ACL', ['LOG'])) as unknown[]).length > 0;
        await eventually('a refusal', async () => (await told()) || (await refusals()) > before);
      } finally {
        await client.call('ACL', ['SETUSER', 'default', ...rights.map((right) => `+${right}`)]);
      }
    };
    const refusals = async () =>
      Number(/errorstat_NOPERM:count=(\d+)/.exec(await world.v1.client.info('errorstats'))?.[1] ?? 0);

    test('takes no value away: neither the old one nor the one on its way (L2, L8)', async () => {
      const { v1, v2 } = world;
      await began();
      await v1.client.hset('match:hash', 'a', '1');
      await v1.client.hset('session:hash', { offers: '[1]', user: 'u' });
      await v1.client.rpush('match:list', 'a');
      for (const key of ['match:hash', 'session:hash', 'match:list'])
        await eventually(key, async () => (await v2.client.exists(key)) === 1);
      await without(['hset', 'rpush', 'restore'], async () => {
        await v2.client.hset('match:hash', 'a', '2');
        await v2.client.hset('session:hash', { jobs: '[2]', extra: 'x' });
        await v2.client.rpush('match:list', 'b');
      });
      await eventually('V1 to hold what V2 was told', async () => {
        expect(await v1.client.hgetall('match:hash')).toEqual({ a: '2' });
        expect(await v1.client.hgetall('session:hash')).toEqual({ offers: '[2]', user: 'u', extra: 'x' });
        expect(await v1.client.lrange('match:list', 0, -1)).toEqual(['a', 'b']);
        return true;
      });
      expect(await v2.client.hgetall('session:hash')).toEqual({ jobs: '[2]', user: 'u', extra: 'x' });
    });

    test('takes no large value away (L2, L8)', async () => {
      const { v1, v2 } = world;
      await began();
      const arrived = (size: number) =>
        eventually('the large value on both sides', async () => {
          expect(await Promise.all([v1.client.strlen('match:big'), v2.client.strlen('match:big')])).toEqual([
            size,
            size,
          ]);
          return true;
        });
      await v1.client.set('match:big', 'a'.repeat(300_000), 'EX', 600);
      await arrived(300_000);
      await without(['rename', 'pexpireat'], () => v2.client.append('match:big', 'b'));
      await arrived(300_001);
      expect(await v1.client.ttl('match:big')).toBeGreaterThan(0);
    });

    test('takes no expiry away, and leaves nothing in quarantine (L4, L11)', async () => {
      const { v1, v2 } = world;
      const sync = await began();
      await v1.client.hset('session:1', 'offers', '[1]');
      await v1.client.set('match:1', 'a', 'EX', 600);
      for (const key of ['session:1', 'match:1'])
        await eventually(key, async () => (await v2.client.exists(key)) === 1);
      await without(['pexpireat', 'restore'], async () => {
        await v2.client.expire('session:1', 500);
        await v2.client.set('match:1', 'b', 'EX', 500);
        // A missing right is a failure of the server and not of one key, so it ends the attempt.
        const byRight = () => sync.ends.some((end) => REFUSED.test(end));
        await eventually('the attempt to end by it', byRight);
      });
      await eventually('both expiries on V1', async () => {
        for (const key of ['session:1', 'match:1'])
          expect(await v1.client.pexpiretime(key)).toBe(await v2.client.pexpiretime(key));
        expect(await v1.client.pexpiretime('session:1')).toBeGreaterThan(0);
        return (await v1.client.get('match:1')) === 'b';
      });
      await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
    });

    test.for(['hset', 'hdel', 'rpush', 'unlink', 'rename', 'persist', 'pexpireat', 'set', 'restore'])(
      'that is %s alone: both sides are alike afterwards, with what V2 was told, and nothing is left over (L2, L8)',
      async (right) => {
        const { v1, v2 } = world;
        const sync = await began();
        const { client: one } = v1;
        const { client: other } = v2;
        const contents = async (client: typeof one) => [
          await client.hgetall('session:hash'),
          await client.lrange('match:list', 0, -1),
          await client.get('match:text'),
          await client.strlen('match:big'),
          await client.exists('match:gone'),
        ];
        await one.hset('session:hash', { user: 'u' });
        await one.rpush('match:list', 'a');
        await one.mset('match:text', 'a', 'match:big', 'a'.repeat(200_000), 'match:gone', 'a');
        await eventually('all of them on V2', async () => (await other.strlen('match:big')) === 200_000);
        await eventually(
          'the last of them',
          async () => (await other.exists('match:gone', 'match:list', 'session:hash')) === 3,
        );
        await one.call('ACL', ['SETUSER', 'default', `-${right}`]);
        await other.hset('session:hash', { more: 'x' });
        await other.rpush('match:list', 'b');
        await other.set('match:text', 'b', 'EX', 500);
        await other.append('match:big', 'b');
        await other.del('match:gone');
        const told = [{ user: 'u', more: 'x' }, ['a', 'b'], 'b', 200_001, 0];
        const alike = async () => JSON.stringify(await contents(one)) === JSON.stringify(told);
        await eventually('a refusal, or none', async () => sync.ends.length > 0 || (await alike()));
        await one.call('ACL', ['SETUSER', 'default', `+${right}`]);
        await eventually('V1 to hold what V2 was told', async () => {
          expect(await contents(one)).toEqual(told);
          return true;
        });
        expect(await contents(other)).toEqual(told);
        expect(await one.pexpiretime('match:text')).toBe(await other.pexpiretime('match:text'));
        await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
      },
    );
  },
);
