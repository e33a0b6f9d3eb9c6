import { describe, expect, test } from 'vitest';
import { findTool } from '../../../servers/tools.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } })]);

describe.each([
  { name: 'a server and a cluster', v1: 'server', v2: 'cluster', engine: 'redis-server' },
  { name: 'a cluster of another engine and a server', v1: 'cluster', v2: 'server', engine: 'valkey-server' },
] as const)('$name', ({ v1: one, v2: other, engine }) => {
  const world = withClusterWorld({ v1: one, v2: other, source: { binary: findTool(engine) } });

  test('hold the same, whichever is written to, and nothing comes back (L2, L3)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 200; i++) await v1.client.set(`metrics:${i}`, `m${i}`, 'PXAT', 4_000_000_000_000 + i);
    await v1.client.set('metrics:large', 'y'.repeat(300_000));
    const sync = await world.start(plan);
    await sync.live();
    for (let i = 0; i < 200; i++)
      expect(await v2.client.pexpiretime(`metrics:v1:${i}`)).toBe(4_000_000_000_000 + i);
    await Promise.all([v1.client.set('metrics:1', 'from v1'), v2.client.set('metrics:v1:2', 'from v2')]);
    await v2.client.del('metrics:v1:3');
    await eventually('the changes', async () => {
      expect(await v2.client.get('metrics:v1:1')).toBe('from v1');
      expect(await v1.client.get('metrics:2')).toBe('from v2');
      expect(await v1.client.get('metrics:3')).toBe(null);
      expect(await v2.client.strlen('metrics:v1:large')).toBe(300_000);
      return true;
    });
    expect(sync.failures).toEqual([]);
    expect(sync.status()?.conflicts).toBe(0);
  });
});
