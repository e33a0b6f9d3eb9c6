import { expect, test } from 'vitest';
import { openProbe } from '../../../redis/impact/probe.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { planOf } from '../../support/worlds/sync-world.ts';

const world = withClusterWorld({ v1: 'server', v2: 'cluster' });

test('of a cluster the slowest node is what is felt: whose keys are there waits for it (L14)', async () => {
  const { stores } = world.onClusters(planOf([]));
  const { probe, close } = await openProbe(stores, world.environment(), 'jday:test:probe:impact');
  try {
    await probe();
    for (const node of [0, 1, 2]) {
      await world.v2.cluster?.on(node, 'CLIENT', 'PAUSE', 200, 'ALL');
      const paused = await probe();
      expect(paused.get('v2')).toBeGreaterThan(150);
      expect(paused.get('v1')).toBeLessThan(150);
    }
  } finally {
    await close();
  }
});
