import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { slotOf } from '../../../domain/keys/slot.ts';
import { clearTarget } from '../../../redis/cleanup/clear-target.ts';
import { dropRecords } from '../../../redis/cleanup/drop-records.ts';
import { drainToSource } from '../../../redis/cutover/request-drain.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { usersOfNodes } from '../../support/servers/acl-users.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { eventually } from '../../support/eventually.ts';
import { moveSlot } from '../../support/servers/move-slot.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const RULE = ['reset', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous'];
const LARGE = 300_000;
const directory = makeTempDir();
const plan = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'], otherWriters: ['default'] },
  ],
  backup: { directory, retentionDays: 1 },
});
const keyspace = keyspaceOf('test');

describe('the end on a cluster', () => {
  const world = withClusterWorld({ v1: 'server', v2: 'cluster' });

  test('an abort takes V2’s writes home and leaves every node of V2 as it was, though slots have moved since (L6)', async () => {
    const { v1, v2 } = world;
    const cluster = v2.cluster;
    if (!cluster) throw new Error('V2 is a cluster');
    await cluster.onAll('ACL', 'SETUSER', 'app', ...RULE);
    const rules = await usersOfNodes(cluster);
    const at = Date.now() + 5_000_000;
    for (let i = 0; i < 100; i++) await v1.client.set(`match:${i}`, `v1 ${i}`);
    await v1.client.set('match:large', 'x'.repeat(LARGE));
    await v1.client.set('match:large:native', 'x'.repeat(LARGE));
    await v1.client.hset('match:unfit', { offers: '[1]', jobs: '[2]' });
    for (let i = 0; i < 30; i++) await v2.client.set(`match:${i}`, `of V2 ${i}`, 'PXAT', at + i);
    await v2.client.set('match:large:native', 'y'.repeat(LARGE), 'PXAT', at);
    await v2.client.set('match:only-v2', 'stays');
    const sync = await world.start(plan);
    await sync.live();
    await eventually('everything on V2', async () => {
      for (let i = 0; i < 100; i++) expect(await v2.client.get(`match:${i}`)).toBe(`v1 ${i}`);
      expect(await v2.client.get('match:large:native')).toBe('x'.repeat(LARGE));
      return (sync.status()?.quarantined ?? 0) === 1;
    });
    const token = sync.status()?.token ?? 0;
    for (const slot of [0, 5461, slotOf('match:3'), slotOf('match:large:native')])
      await moveSlot(cluster, slot);
    await eventually('a new attempt', () => (sync.status()?.token ?? 0) > token);
    await sync.live();
    const app = cluster.clientOf({ user: 'app', password: 'secret' });
    for (let i = 0; i < 9; i++) await app.set(`match:canary:${i}`, `canary ${i}`);
    const on = <T>(work: Parameters<typeof withStores<T>>[3]) =>
      withStores(sync.plan, world.environment(), 'test', work);
    await on((stores) => drainToSource(sync.plan, stores));
    for (let i = 0; i < 9; i++) expect(await v1.client.get(`match:canary:${i}`)).toBe(`canary ${i}`);
    for (let i = 0; i < 9; i++) await expect(app.set(`match:late:${i}`, 'x')).rejects.toThrow(/NOPERM/);
    await sync.stop();
    // Without these copies a node has no epoch to compare a write with, as after a move of slots that no sync has seen.
    const copies = (await cluster.onAll('KEYS', `${keyspace.authority()}:*`)).flat() as string[];
    for (const copy of copies) await v2.client.del(copy);
    const cleared = await on((stores) => clearTarget(sync.plan, stores));
    expect(cleared).toEqual({ deleted: 71, restored: 31, kept: 0 });
    await on((stores) => dropRecords(sync.plan, stores, false));
    const natives = Array.from({ length: 30 }, (_key, i) => `match:${i}`);
    const canaries = Array.from({ length: 9 }, (_key, i) => `match:canary:${i}`);
    const left = (await cluster.onAll('KEYS', '*')).flat().sort();
    expect(left).toEqual(
      ['jday:authority', 'match:only-v2', 'match:large:native', ...natives, ...canaries].sort(),
    );
    for (let i = 0; i < 30; i++) {
      expect(await v2.client.get(`match:${i}`)).toBe(`of V2 ${i}`);
      expect(await v2.client.pexpiretime(`match:${i}`)).toBe(at + i);
    }
    expect(await v2.client.get('match:large:native')).toBe('y'.repeat(LARGE));
    expect(await usersOfNodes(cluster)).toEqual(rules);
    const saved = readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'));
    expect(saved.join('')).toContain(Buffer.from('match:unfit').toString('base64'));
  });
});
