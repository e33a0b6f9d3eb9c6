import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { withClusterWorld } from '../support/cluster-world.ts';
import { dataset, planOf } from '../support/sync-world.ts';

const plan = planOf([
  dataset({ name: 'match' }),
  dataset({ name: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } }),
]);

describe('a cluster on both sides', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'cluster' });

  test('copies, and carries changes both ways, keys with hash tags and names that change the slot too (L2)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 300; i++) {
      await v1.client.set(`match:${i}`, `v${i}`);
      await v1.client.set(`metrics:${i}`, `m${i}`);
      await v1.client.hset(`match:{tag}:${i}`, 'n', String(i));
    }
    const sync = await world.start(plan);
    await sync.live();
    for (let i = 0; i < 300; i++) {
      expect(await v2.client.get(`match:${i}`)).toBe(`v${i}`);
      expect(await v2.client.get(`metrics:v1:${i}`)).toBe(`m${i}`);
      expect(await v2.client.hget(`match:{tag}:${i}`, 'n')).toBe(String(i));
    }
    await v2.client.set('match:7', 'from v2');
    await v1.client.del('match:8');
    await v2.client.set('metrics:v1:new', 'born on v2');
    await eventually('the changes', async () => {
      expect(await v1.client.get('match:7')).toBe('from v2');
      expect(await v2.client.get('match:8')).toBe(null);
      expect(await v1.client.get('metrics:new')).toBe('born on v2');
      return true;
    });
    await sync.stop();
  });
});
