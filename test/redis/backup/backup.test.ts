import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../../domain/plan/plan.ts';
import { takeBackup } from '../../../redis/backup/backup.ts';
import { readManifest } from '../../../redis/backup/manifest.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { datasetOf, planOf, storeOf } from './plan.ts';

const dir = withTempDir();
const never = new AbortController().signal;
const quick = { 'repl-diskless-sync-delay': '0' };
const v1 = withRedis({
  config: quick,
  acl: ['user default on nopass ~* &* +@all', 'user jday on >s3cret-word ~* &* +@all'],
});
const shared = withRedis({ config: quick });
let models: string;

beforeAll(async () => {
  models = join(dir.path, 'models');
  mkdirSync(models);
  writeFileSync(join(models, 'weights.bin'), 'weights');
  await v1.client.mset('match:1', 'a', 'match:2', 'b', 'session:alice@example.com', 'c', 'unowned', 'd');
  const nexten = await shared.connect({ db: 1 });
  const v2 = await shared.connect({ db: 2 });
  await nexten.set('embedding:1', Buffer.from([0, 1, 2]));
  await v2.mset('match:result:1', 'native', 'other', 'x');
});

describe('a backup of the whole plan', () => {
  it('holds an RDB of each server and the model files, proven, without a secret in its manifest (L12)', async () => {
    const plan = makePlan('whole');
    const said: string[] = [];
    const summary = await takeBackup(plan, 'before-copy', environment(), never, (text) => said.push(text));

    expect(summary.proven).toBe(true);
    expect(summary.id).toMatch(/^test-before-copy-\d{8}T\d{9}Z$/);
    expect(summary.stores.map(({ name, keys }) => [name, keys])).toEqual([
      ['nexten', 1],
      ['v1', 3],
      ['v2', 2],
    ]);
    expect(summary.files).toMatchObject([{ name: 'models', files: 1 }]);

    const folder = join(plan.backup.directory, summary.id);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(['files', 'manifest.json', 'nexten.rdb', 'v1.rdb']);
    for (const file of ['manifest.json', 'nexten.rdb', 'v1.rdb', 'files/models.tar.gz']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    const text = readFileSync(join(folder, 'manifest.json'), 'utf8') + said.join('\n');
    for (const secret of ['s3cret-word', 'jday@', 'redis://', '127.0.0.1', 'alice', 'match:1']) {
      expect(text).not.toContain(secret);
    }
  });

  it('takes one RDB of a server that holds two stores, and proves each database of it', async () => {
    const plan = makePlan('shared');
    const { id } = await takeBackup(plan, 'x', environment(), never);
    const manifest = await readManifest(join(plan.backup.directory, id));
    const [nexten, , v2] = manifest?.stores ?? [];
    expect([nexten?.rdb, nexten?.database, v2?.rdb, v2?.database]).toEqual([
      'nexten.rdb',
      1,
      'nexten.rdb',
      2,
    ]);
    expect(nexten?.runId).toBe(v2?.runId);
    expect(v2?.datasets.map(({ name, keys }) => [name, keys])).toEqual([['other keys', 2]]);
  });

  it('leaves a partial folder when interrupted, which the next one removes (L8)', async () => {
    const plan = makePlan('interrupted');
    const stop = new AbortController();
    const interrupted = takeBackup(plan, 'x', environment(), stop.signal, () =>
      stop.abort(new Error('enough')),
    );
    await expect(interrupted).rejects.toThrow('enough');
    expect(readdirSync(plan.backup.directory).map((name) => name.endsWith('.partial'))).toEqual([true]);
    const { id } = await takeBackup(plan, 'x', environment(), never);
    expect(readdirSync(plan.backup.directory)).toEqual([id]);
  });

  it('never removes the running backup of a migration with a longer name', async () => {
    const plan = makePlan('neighbours');
    const stop = new AbortController();
    const other = { ...plan, migration: 'test-b' };
    await takeBackup(other, 'x', environment(), stop.signal, () => stop.abort(new Error('enough'))).catch(
      () => {},
    );
    await takeBackup(plan, 'x', environment(), never);
    expect(readdirSync(plan.backup.directory).filter((name) => name.startsWith('test-b-x-'))).toHaveLength(1);
  });

  it('removes backups older than their retention, of this migration only, and keeps the newest proven one', async () => {
    const plan = makePlan('retention', { retentionDays: 1 });
    const { id } = await takeBackup(plan, 'x', environment(), never);
    age(plan, id, 3);
    const other = await takeBackup({ ...plan, migration: 'other' }, 'x', environment(), never);
    age(plan, other.id, 3);
    const second = await takeBackup(plan, 'x', environment(), never);
    expect(readdirSync(plan.backup.directory).sort()).toEqual([other.id, second.id].sort());
    age(plan, second.id, 3);
    await expect(
      takeBackup({ ...plan, stores: [storeOf('v1', 'redis://127.0.0.1:1')] }, 'x', {}, never),
    ).rejects.toThrow(/^store v1: /);
    expect(existsSync(join(plan.backup.directory, second.id))).toBe(true);
  });

  it('says in one sentence that the directory cannot be used', async () => {
    const file = join(dir.path, 'a-file');
    writeFileSync(file, '');
    await expect(takeBackup({ ...makePlan('a-file') }, 'x', environment(), never)).rejects.toThrow(
      'the backup directory is no directory',
    );
  });

  it('names the model folder that is missing', async () => {
    const plan = { ...makePlan('no-models'), files: [{ name: 'models', from: join(dir.path, 'gone') }] };
    await expect(takeBackup(plan, 'x', environment(), never)).rejects.toThrow(/folder .*gone does not exist/);
  });
});

function makePlan(folder: string, { retentionDays = 14 } = {}): Plan {
  const plan = planOf({
    stores: [
      storeOf('v1', '${SOURCE_V1}'),
      storeOf('nexten', shared.server.url({ db: 1 })),
      storeOf('v2', shared.server.url({ db: 2 })),
    ],
    datasets: [
      datasetOf('matches', 'match:*', { excludes: ['match:result:*'] }),
      datasetOf('sessions', 'session:*', { joins: 'jday' }),
      datasetOf('embeddings', 'embedding:*', { from: 'nexten' }),
    ],
    files: [
      { name: 'models', from: models },
      { name: 'none', from: '' },
    ],
  });
  return { ...plan, backup: { directory: join(dir.path, folder), retentionDays } };
}

function environment() {
  return { SOURCE_V1: v1.server.url({ user: 'jday', password: 's3cret-word' }) };
}

/** Dates a backup back by some days. */
function age(plan: Plan, id: string, days: number): void {
  const file = join(plan.backup.directory, id, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { takenAt: string };
  manifest.takenAt = new Date(Date.parse(manifest.takenAt) - days * 86_400_000).toISOString();
  writeFileSync(file, JSON.stringify(manifest));
}
