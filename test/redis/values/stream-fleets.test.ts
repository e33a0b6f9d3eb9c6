import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { startFleet } from '../../support/processes/job-fleet.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';

const binary = findTool('valkey-server');
const USER = 'app';
/** The rights that an app needs, and no more. */
const RULE = ['on', '>secret', '~jobs:*', '%R~jday:authority', '+@all', '-@dangerous', '-@admin'];
const plan = planOf([dataset({ name: 'jobs' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [USER], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [USER], otherWriters: ['default'] },
  ],
});
const BOTH = { source: 'v1', target: 'v2' } as const;
const READ_TWO = ['GROUP', 'workers', 'one', 'COUNT', '2', 'STREAMS', 'jobs:stream', '>'];

const ENGINES = [
  { name: 'Redis 7.0', servers: {} },
  { name: 'Valkey 9.1', servers: { v1: { binary }, v2: { binary } } },
  { name: 'Redis 7.0 → Valkey 9.1', servers: { v2: { binary } } },
  { name: 'Valkey 9.1 → Redis 7.0', servers: { v1: { binary } } },
];

describe.each(allOrFew(ENGINES, ENGINES.slice(0, 1)))(
  'what was acknowledged on one side, on $name',
  ({ servers }) => {
    const world = withSyncWorld(servers);
    const opened: Redis[] = [];
    afterEach(() => {
      for (const redis of opened.splice(0)) redis.disconnect();
    });

    const users = async () => {
      for (const side of ['v1', 'v2'] as const)
        await world[side].client.call('ACL', ['SETUSER', USER, 'reset', ...RULE]);
    };
    const lines = async () => {
      const at = async (side: Side) =>
        world[BOTH[side]].connect({ username: USER, password: 'secret', enableReadyCheck: false });
      const both = { source: await at('source'), target: await at('target') };
      opened.push(both.source, both.target);
      return both;
    };
    const move = (to: Side) => switchNow(plan, world.environment(), to);
    const pendingOn = async (side: Side) =>
      (await world[BOTH[side]].client.xpending('jobs:stream', 'workers'))[0];
    const twoRead = async () => {
      const { client } = world.v1;
      for (const id of ['1-1', '2-1', '3-1']) await client.xadd('jobs:stream', id, 'job', id);
      await client.xgroup('CREATE', 'jobs:stream', 'workers', '0');
      await client.call('XREADGROUP', READ_TWO);
    };

    test('is not handed out again on the other, through cutover and rollback, under work (L2)', async () => {
      await users();
      await world.v1.client.xgroup('CREATE', 'jobs:stream', 'workers', '0', 'MKSTREAM');
      const sync = await world.start(plan);
      await sync.live();
      const fleet = startFleet(lines);
      try {
        await eventually('work on V1', () => fleet.done('source') > 100);
        await move('target');
        await eventually('work on V2', () => fleet.done('target') > 100);
        const before = fleet.done('source');
        await move('source');
        await eventually('work on V1 again', () => fleet.done('source') > before + 100);
        fleet.produceNoMore();
        await eventually('all that was produced to be done', () => fleet.open() === 0);
        expect(fleet.handedAgain()).toEqual([]);
      } finally {
        await fleet.stop();
      }
      expect(sync.status()).toMatchObject({ conflicts: 0, quarantined: 0 });
    });

    test('a moment before the fence is not pending on the other when it serves, either way (L2)', async () => {
      await users();
      await twoRead();
      const sync = await world.start(plan);
      await sync.live();
      await eventually('the copy', async () => (await pendingOn('target').catch(() => 0)) === 2);
      await world.v1.client.xack('jobs:stream', 'workers', '1-1');
      await move('target');
      expect(await pendingOn('target')).toBe(1);
      await world.v2.client.xack('jobs:stream', 'workers', '2-1');
      await move('source');
      expect(await pendingOn('source')).toBe(0);
    });

    test('is not pending on the other, though the sync has just begun and knows no stream yet (L2, L8)', async () => {
      await users();
      await twoRead();
      const first = await world.start(plan);
      await first.live();
      await eventually('the copy', async () => (await pendingOn('target').catch(() => 0)) === 2);
      await first.stop();
      await world.v1.client.xack('jobs:stream', 'workers', '1-1');
      let moving: Promise<unknown> | null = null;
      const asked = async () =>
        (await world.v2.client.hexists(keyspaceOf('test').control('v1'), 'drain')) === 1;
      await world.start(plan, async (step) => {
        if (step === 'scan source' && moving) await eventually('a drain', asked);
      });
      moving = move('target');
      await moving;
      expect(await pendingOn('target')).toBe(1);
    });
  },
);
