import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority, writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { type Stores, withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { lowerFence } from '../../../redis/fence/lower-fence.ts';
import { NARROW } from '../../support/worlds/fenced-world.ts';
import { startKeeperProcess } from '../../support/processes/start-keeper-process.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'] },
  ],
});
const keyspace = keyspaceOf(plan.migration);

describe('who keeps a fence is stopped in the middle of a look, and goes on when the side has been opened', () => {
  const world = withSyncWorld();
  const clientOf = (side: Side) => (side === 'source' ? world.v1.client : world.v2.client);
  const on = <T>(act: (stores: Stores) => Promise<T>) => withStores(plan, world.environment(), 'test', act);
  const before = async (side: Side) => {
    const words = ['reset', 'on', '>secret', ...NARROW.split(' ')];
    await clientOf(side).call('ACL', ['SETUSER', 'app', ...words]);
  };
  const serves = async (side: Side) => {
    const { epoch } = (await readAuthority(world.v2.client)) ?? { epoch: 0 };
    await writeAuthority(await loadScripts(world.v2.client), { side, epoch: epoch + 1 });
  };
  const fenced = (side: Side) =>
    on(async (stores) => {
      for (const one of stores.of(side)) await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
    });
  const opened = (side: Side) =>
    on(async (stores) => {
      for (const one of stores.of(side)) await lowerFence(one, keyspace, copyStoreOf(stores, one));
    });
  const mayWrite = async (side: Side) =>
    String(await clientOf(side).call('ACL', ['DRYRUN', 'app', 'SET', 'match:1', 'v'])) === 'OK';
  const traces = async (side: Side) => [
    await clientOf(side).exists(keyspace.fence('app')),
    await clientOf(otherSide(side)).exists(keyspace.fenced()),
  ];

  test.for([
    { side: 'source', what: 'by a rollback', flips: true },
    { side: 'target', what: 'by the end of an abort, without a flip', flips: false },
  ] as const)(
    'before each of its commands, the $side, $what: raises nothing on the open side, and leaves no record (L1, L8)',
    async ({ side, flips }, context) => {
      const keeper = startKeeperProcess(context);
      for (let stopBefore = 1; ; stopBefore++) {
        await before(side);
        await serves(otherSide(side));
        await fenced(side);
        expect(await mayWrite(side)).toBe(false);
        // The server has lost its fence, so the keeper's look raises it again.
        await before(side);
        const ended = await keeper.look({ plan, environment: world.environment(), stopBefore });
        if (ended) {
          expect(ended).toMatchObject({ raised: true, failed: null });
          expect(await mayWrite(side)).toBe(false);
          expect(stopBefore).toBeGreaterThan(20);
          return keeper.stop();
        }
        if (flips) await serves(side);
        await opened(side);
        const at = `stopped before its command ${stopBefore}`;
        expect(await mayWrite(side), at).toBe(true);
        await keeper.goOn();
        expect(await mayWrite(side), at).toBe(true);
        expect(await traces(side), at).toEqual([0, 0]);
        await keeper.stop();
      }
    },
  );
});
