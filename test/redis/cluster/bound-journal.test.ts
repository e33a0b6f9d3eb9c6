import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { hashesOf, keptKey } from '../../../redis/state/journal.ts';
import { eventually } from '../../support/eventually.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';

const dir = withTempDir();
const world = withClusterWorld({ v1: 'server', v2: 'cluster' });
const plan = planOf([dataset({ name: 'match' })]);
const keyspace = keyspaceOf(plan.migration);
const COUNT = 240;
const LARGE = 'match:large';
const BOUND = 300_000;

/** A DUMP is compressed, so these texts have nothing that could be. */
const noise = (name: string, pieces: number) =>
  Array.from({ length: pieces }, (_, i) => createHash('sha512').update(`${name} ${i}`).digest('base64')).join(
    '',
  );

function savedFields(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Buffer.from((JSON.parse(line) as { field: string }).field, 'base64'))
      .map((field) => field.subarray(8).toString()),
  );
}

test('the journals of all nodes leave their memory together, and no loser is missing (L2)', async () => {
  const { v1, v2 } = world;
  const folder = join(dir.path, 'nodes');
  const names = Array.from({ length: COUNT }, (_, i) => `match:${i}`);
  for (const name of names) {
    await v1.client.set(name, 'v1 wins');
    await v2.client.set(name, noise(name, 100));
  }
  await v1.client.set(LARGE, 'v1 wins');
  await v2.client.set(LARGE, noise(LARGE, 3_000));
  const bounds = { savedAboveBytes: BOUND, mostBytes: 100 << 20 };
  const sync = await world.start(plan, { folder, bounds });
  await sync.live();
  await eventually('V1 to win', async () => {
    for (const name of [...names, LARGE]) expect(await v2.client.get(name)).toBe('v1 wins');
    return true;
  });
  await eventually(
    'small journals',
    () => (sync.status()?.recordBytes?.journal.target ?? Infinity) <= BOUND && savedFields(folder).length > 0,
  );
  await sync.stop();
  expect(sync.failures.filter(({ name }) => name === 'JournalFull')).toEqual([]);
  await withStores(sync.plan, world.environment(), 'test', async ({ target: { redis } }) => {
    const left: string[] = [];
    for (const hash of await hashesOf(redis, keyspace.journal('v1')))
      for (const field of await redis.hkeysBuffer(hash)) left.push(field.subarray(8).toString());
    expect(new Set([...savedFields(folder), ...left])).toEqual(new Set([...names, LARGE]));
    // The large value is a pre-image too: an abort still finds it.
    const images = await Promise.all(
      (await hashesOf(redis, keyspace.preimage('v1'))).map((hash) => redis.hgetBuffer(hash, LARGE)),
    );
    const [image] = images.filter((one) => one !== null);
    expect(await redis.strlen(keptKey(image as Buffer) as Buffer)).toBe(noise(LARGE, 3_000).length);
  });
});
