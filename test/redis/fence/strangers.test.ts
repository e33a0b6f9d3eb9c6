import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Redis } from 'ioredis';
import { toFailure } from '../../../activities/failures.ts';
import { judge } from '../../../domain/gates/judge.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import type { Gate } from '../../../domain/gates/gate.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { eachClient } from '../../../redis/client/client-list.ts';
import { closeKeeperConnections, fencingPurpose } from '../../../redis/state/fencing-token.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import { takeSnapshot } from '../../../redis/cutover/snapshot-status.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';

const LOGINS = {
  app: ['on', '>secret', '~match:*', '%R~jday:authority', '&*', '+@all', '-@dangerous'],
  legacy: ['on', '>secret', '~match:old:*', '&*', '+@all'],
  reader: ['on', '>secret', '~match:*', '&*', '+@read', '+@connection'],
  elsewhere: ['on', '>secret', '~other:*', '&*', '+@all'],
} as const;
const store = { appUsers: ['app'], otherWriters: ['filler'] };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', ...store },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', ...store },
  ],
  backup: { directory: makeTempDir(), retentionDays: 30 },
});

describe.each(['redis-server', 'valkey-server'] as const)(
  'writers whom the plan does not name (%s)',
  (engine) => {
    const binary = findTool(engine);
    const world = withSyncWorld({ v1: { binary }, v2: { binary } });
    const opened: Redis[] = [];
    beforeEach(async () => {
      for (const { client } of [world.v1, world.v2])
        for (const [user, rule] of Object.entries(LOGINS))
          await client.call('ACL', ['SETUSER', user, 'reset', ...rule]);
    });
    afterEach(() => {
      for (const redis of opened.splice(0)) redis.disconnect();
    });
    const as = async (side: 'v1' | 'v2', user?: string) => {
      const login = user === undefined ? {} : { username: user, password: 'secret' };
      const redis = await connectTo(world[side].server.port, { ...login, enableReadyCheck: false });
      opened.push(redis);
      return redis;
    };
    const move = () => switchNow(plan, world.environment(), 'target');
    /** Takes a new snapshot and judges it, as an observation does. */
    const gate = () =>
      withStores(plan, world.environment(), 'watch', async (stores): Promise<Gate | undefined> => {
        const snapshot = await takeSnapshot(plan, stores);
        return judge(snapshot, plan, 'target').find(({ name }) => name === 'writers');
      });

    test('hold the cutover; who writes on V1 after it is seen within seconds and named, and no key is (L1, L7, L12)', async () => {
      const sync = await world.start(plan);
      await sync.live();
      // A switch that has compared no key does not flip, so this writes one.
      await (await as('v1', 'app')).set('match:0', 'x');
      // The fixture has written as `default`, a user that the plan does not name.
      expect(await gate()).toMatchObject({
        verdict: 'red',
        reason: expect.stringContaining('default on v1') as string,
      });
      await expect(move()).rejects.toThrow(/users whom the plan does not name write: default on v1/);
      for (const side of ['v1', 'v2'] as const) await world[side].client.ping();
      expect(await gate()).toMatchObject({ verdict: 'green' });
      await move();
      const [nobody, legacy] = [await as('v1'), await as('v1', 'legacy')];
      await nobody.set('match:1', 'stray');
      await legacy.set('match:old:1', 'stray');
      const seen = await eventually(
        'a red gate',
        async () => {
          const now = await gate();
          return now?.verdict === 'red' && now;
        },
        { withinMs: 5_000 },
      );
      expect(seen.reason).toContain('default on v1 (1 client), legacy on v1 (1 client)');
      expect(JSON.stringify(seen)).not.toMatch(/match|127\.0\.0\.1/);
    });

    test('are not who only reads, who may write other keys, who is named, who is in another database, and we ourselves', async () => {
      await Promise.all([world.v1, world.v2].map(({ client }) => client.ping()));
      await world.v1.client.call('ACL', ['SETUSER', 'filler', 'reset', 'on', '>secret', '~*', '+@all']);
      await (await as('v1', 'app')).set('match:1', 'x');
      await (await as('v1', 'filler')).set('match:1', 'x');
      await (await as('v1', 'elsewhere')).set('other:1', 'x');
      await (await as('v1', 'reader')).get('match:1');
      const other = await as('v1');
      await other.select(3);
      await other.set('match:1', 'x');
      await world.v1.client.ping();
      expect(await gate()).toMatchObject({ verdict: 'green' });
      // The same connection, in our database.
      await other.select(0);
      await other.multi().set('match:1', 'x').exec();
      expect(await gate()).toMatchObject({ verdict: 'red' });
      await other.eval("return redis.call('SET', 'match:1', 'x')", 0);
      expect(await gate()).toMatchObject({ verdict: 'red' });
      await other.pfcount('match:none');
      expect(await gate()).toMatchObject({ verdict: 'red' });
      await other.publish('news', 'x');
      expect(await gate()).toMatchObject({ verdict: 'green' });
    });

    test('and a server that was demoted is red with a sentence, and no look fails on it (L1, L7)', async () => {
      await world.claim();
      await world.v1.client.call('REPLICAOF', ['127.0.0.1', '1']);
      try {
        const seen = await withStores(plan, world.environment(), 'watch', async (stores) => {
          await keepFence(plan, stores, 'target');
          return judge(await takeSnapshot(plan, stores), plan, 'target');
        });
        expect(seen.find(({ name }) => name === 'masters')).toMatchObject({
          verdict: 'red',
          reason: expect.stringContaining('a server of v1 is a replica now') as string,
        });
      } finally {
        await world.v1.client.call('REPLICAOF', ['NO', 'ONE']);
      }
      expect(toFailure(new Error("READONLY You can't write against a read only replica.")).message).toContain(
        'a server of a store is a replica now',
      );
    });

    test('are found among many clients, of whom no call tells more than a piece (L14)', async () => {
      const crowd = await Promise.all(Array.from({ length: 350 }, () => as('v1')));
      const gone = await Promise.all(Array.from({ length: 60 }, () => as('v1')));
      for (const redis of gone) redis.disconnect();
      const stranger = await as('v1', 'legacy');
      await stranger.set('match:old:1', 'x');
      const looking = await as('v1');
      await looking.config('SET', 'slowlog-log-slower-than', '0');
      await looking.call('SLOWLOG', ['RESET']);
      for (const _look of [1, 2]) {
        const found = await eachClient(looking);
        expect(found.length).toBeGreaterThan(crowd.length);
        expect(found.filter(({ user, command }) => user === 'legacy' && command === 'set')).toHaveLength(1);
        const late = await as('v1', 'elsewhere');
        await late.set('other:1', 'x');
        expect((await eachClient(looking)).some(({ user }) => user === 'elsewhere')).toBe(true);
      }
      const slow = (await looking.call('SLOWLOG', ['GET', '1000'])) as [number, number, number, string[]][];
      const calls = slow
        .map(([, , , words]) => words.join(' '))
        .filter((words) => words.startsWith('CLIENT LIST'));
      expect(calls.length).toBeGreaterThan(4);
      expect(calls.filter((words) => words === 'CLIENT LIST')).toEqual([]);
    });

    test('are found among many clients by each look of a connection, also who came after the last one (L1)', async () => {
      await Promise.all(Array.from({ length: 150 }, () => as('v1')));
      await withStores(plan, world.environment(), 'watch', async (stores) => {
        const { redis } = stores.named('v1');
        const ofUser = async (name: string) => (await eachClient(redis)).filter(({ user }) => user === name);
        for (const user of ['legacy', 'elsewhere']) {
          expect(await ofUser(user)).toEqual([]);
          await (await as('v1', user)).ping();
          expect(await ofUser(user)).toHaveLength(1);
        }
      });
    });

    test('and whoever keeps the fence is ended among many clients, also who came after the last look (L1)', async () => {
      await Promise.all(Array.from({ length: 150 }, () => as('v1')));
      await withStores(plan, world.environment(), 'test', async (stores) => {
        const { redis } = stores.named('v1');
        for (const _look of [1, 2])
          await withStores(
            plan,
            world.environment(),
            fencingPurpose(plan.migration, 'watch'),
            async (keeper) => {
              await closeKeeperConnections(redis, keyspaceOf(plan.migration));
              await expect(keeper.named('v1').redis.ping()).rejects.toThrow(/closed/);
            },
          );
      });
    });
  },
);

test('nobody has looked: that is unknown, hence red (L7)', () => {
  const gates = judge({ links: [], impact: null, authority: null }, plan, 'source');
  for (const name of ['writers', 'masters'])
    expect(gates.find((gate) => gate.name === name)?.verdict).toBe('unknown');
});
