import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import type { TestCluster } from '../../support/servers/cluster.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { eventually } from '../../support/eventually.ts';
import { monitor } from '../../support/servers/monitor.ts';
import { moveSlot } from '../../support/servers/move-slot.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { type SyncProcess, startSyncProcess } from '../../support/processes/start-sync-process.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { linesOf, startBait, writesOf } from '../../support/processes/zombie.ts';

const PATIENCE = { connectMs: 2_000, replyMs: 2_000, silenceMs: 2_500 };
/** Longer than every wait of the sync, as is a stop that Temporal's heartbeat timeout notices. */
const STOPPED_MS = 3_000;

describe('a worker that is stopped for longer than every timeout, between clusters', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'cluster' });
  const clusters = (): readonly TestCluster[] => {
    const { v1, v2 } = world;
    if (!v1.cluster || !v2.cluster) throw new Error('both sides are clusters');
    return [v1.cluster, v2.cluster];
  };
  const ports = () => clusters().flatMap(({ nodes }) => nodes.map(({ port }) => port));
  const linesOnAll = async () => {
    const found = ports().map(async (port) => {
      const redis = await connectTo(port);
      return linesOf(redis).finally(() => redis.disconnect());
    });
    return Promise.all(found);
  };

  test.each([
    ['before apply target', false],
    ['before apply source', false],
    ['applied target', false],
    ['before apply target', true],
  ] as const)(
    'stopped at %s, slots moved meanwhile: %s: not one write of it lands on any node, and nothing is lost (L1, L8)',
    async (step, moved) => {
      const plan = world.onClusters(planOf([dataset({ name: 'zombie' })]));
      for (const store of plan.stores) {
        const redis = await openStore(store, world.environment(), 'test');
        await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
        redis.disconnect();
      }
      const started: SyncProcess[] = [];
      const start = async () => {
        const one = await startSyncProcess({
          kind: 'run',
          plan,
          environment: world.environment(),
          patience: PATIENCE,
        });
        started.push(one);
        await one.live();
        return one;
      };
      try {
        const [one, other] = clusters();
        if (!one || !other) return;
        const zombie = await start();
        await eventually('a second of its life', async () =>
          Boolean(await other.client.exists(keyspaceOf('test').status('v1'))),
        );
        const bait = startBait([one.client, other.client], `zombie:${step}:${moved}`);
        zombie.setTrap({ step, signal: 'SIGSTOP' });
        await zombie.trapped(step);
        await bait.enough();
        const [stopped, ended] = [performance.now(), zombie.ended.length];
        const lines = await linesOnAll();
        if (moved) for (const slot of [0, 5461, 10922]) await moveSlot(other, slot);
        const next = await start();
        await bait.takeAway();
        await eventually('the end of its patience', () => performance.now() - stopped > STOPPED_MS);
        const watches = await Promise.all(ports().map((port) => monitor(port)));
        zombie.signal('SIGCONT');
        await eventually('the end of the zombie', () => zombie.ended.length > ended);
        // The next process sends commands to every node. They come after all that the zombie could have sent.
        await eventually('every node to be heard', () => watches.every((watch) => watch.lines().length > 5));
        const seen = watches.map((watch) => watch.lines());
        for (const watch of watches) watch.stop();
        expect(lines.every(({ size }) => size > 3)).toBe(true);
        expect(lines.flatMap((each, i) => writesOf(seen[i] ?? [], each))).toEqual([]);
        await one.client.set('zombie:after', 'the next one works');
        await eventually('the next one', async () => (await other.client.exists('zombie:after')) === 1);
        expect(next.status()?.conflicts).toBe(0);
        await one.client.del('zombie:after');
      } finally {
        await Promise.all(started.map((each) => each.kill()));
      }
    },
    60_000,
  );
});
