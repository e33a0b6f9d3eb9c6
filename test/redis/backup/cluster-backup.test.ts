import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { slotOf } from '../../../domain/keys/slot.ts';
import { takeBackup } from '../../../redis/backup/backup.ts';
import { readManifest } from '../../../redis/backup/manifest.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { moveSlot } from '../../support/servers/move-slot.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const directory = makeTempDir();
const plan = planOf([dataset({ name: 'match' })], { backup: { directory, retentionDays: 1 } });
const KEYS = 600;
const never = new AbortController().signal;

describe('the backup of a server and a cluster', () => {
  const world = withClusterWorld({ v1: 'server', v2: 'cluster' });
  const v2 = () => {
    if (!world.v2.cluster) throw new Error('V2 is a cluster');
    return world.v2.cluster;
  };
  const take = (label: string, report?: (text: string) => void) =>
    takeBackup(world.onClusters(plan), label, world.environment(), never, report);
  const complete = () => readdirSync(directory).filter((name) => !name.endsWith('.partial'));
  beforeAll(async () => {
    await world.v1.client.set('match:1', 'x');
    for (let i = 0; i < KEYS; i++) await v2().client.set(`match:{${i}}`, 'x');
  });

  test('is an RDB of each master, each restored and compared; the summary counts the store as one (L10)', async () => {
    const summary = await take('whole');
    expect(summary).toMatchObject({
      proven: true,
      stores: [
        { name: 'v1', keys: 1 },
        { name: 'v2', keys: KEYS },
      ],
    });
    const manifest = await readManifest(`${directory}/${summary.id}`);
    const nodes = manifest?.stores.filter(({ name }) => name === 'v2') ?? [];
    expect(nodes.map(({ rdb }) => rdb)).toEqual(['v2-1.rdb', 'v2-2.rdb', 'v2-3.rdb']);
    const ids = await Promise.all([0, 1, 2].map((node) => v2().idOf(node)));
    expect(nodes.map(({ node }) => node?.id)).toEqual(ids);
    const sizes = await v2().onAll('DBSIZE');
    expect(nodes.map(({ keys }) => keys)).toEqual(sizes);
    expect(JSON.stringify(manifest)).not.toMatch(/127\.0\.0\.1|redis:/);
  });

  test('is none while a slot is on its way, or where one has moved meanwhile; the next one is (L8, L10)', async () => {
    const before = complete();
    const slot = slotOf('match:{1}');
    let moved: Promise<void> | undefined;
    const torn = take('torn', (text) => {
      if (/fetching/.test(text)) moved ??= moveSlot(v2(), slot);
    });
    await expect(torn).rejects.toMatchObject({ name: 'ClusterChanged' });
    await moved;
    expect(complete()).toEqual(before);
    const [from, to] = slot < 5461 ? [1, 2] : slot < 10_922 ? [2, 0] : [0, 1];
    await v2().on(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await v2().idOf(from));
    await v2().on(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await v2().idOf(to));
    await expect(take('on-its-way')).rejects.toMatchObject({ name: 'ClusterChanged' });
    for (const node of [to, from]) await v2().on(node, 'CLUSTER', 'SETSLOT', slot, 'STABLE');
    expect((await take('again')).stores).toMatchObject([{ keys: 1 }, { keys: KEYS }]);
  });
});
