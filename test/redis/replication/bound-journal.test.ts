import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { savedRecords } from '../../../redis/backup/saved-records.ts';
import { JournalFull, RECORD_BOUNDS } from '../../../redis/replication/bound-journal.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { hashesOf, keptKey } from '../../../redis/state/journal.ts';
import { eventually } from '../../support/eventually.ts';
import { writeLarge } from '../../support/values/large-values.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const dir = withTempDir();
const world = withSyncWorld();
const plan = planOf([dataset({ name: 'match' })]);
const keyspace = keyspaceOf(plan.migration);
const COUNT = 300;
const BOUNDS = { savedAboveBytes: 300_000, mostBytes: 100 << 20 };

const names = Array.from({ length: COUNT }, (_, i) => `match:${i}`);
/** A DUMP is compressed, so these texts have nothing that could be. */
const noise = (name: string) =>
  Array.from({ length: 100 }, (_, i) => createHash('sha512').update(`${name} ${i}`).digest('base64')).join(
    '',
  );
const loserOf = (name: string) => `loser of ${name} ${noise(name)}`;
const journalBytes = async (redis: Redis) =>
  Number((await redis.memory('USAGE', keyspace.journal('v1'))) ?? 0);

type Line = {
  readonly field: string;
  readonly record?: string;
  readonly words?: string[];
  readonly args?: string[];
};

function savedLines(folder: string, suffix = ''): readonly Line[] {
  const files = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.includes(`-journal-${suffix}`))
    : [];
  for (const name of files) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  return files.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line),
  );
}

/** The strings that lost, by their keys: those in the files, and those in Redis. Restores each on the server. */
async function losersOf(redis: Redis, folder: string): Promise<ReadonlyMap<string, string>> {
  const records: (readonly [Buffer, Buffer])[] = savedLines(folder).flatMap(({ field, record }) =>
    record === undefined ? [] : [[Buffer.from(field, 'base64'), Buffer.from(record, 'base64')] as const],
  );
  const left = await redis.hgetallBuffer(keyspace.journal('v1'));
  for (const [field, record] of Object.entries(left)) records.push([Buffer.from(field, 'latin1'), record]);
  const losers = new Map<string, string>();
  for (const [field, record] of records) {
    await redis.restore('restored', 0, record.subarray(8), 'REPLACE');
    losers.set(field.subarray(8).toString('latin1'), (await redis.get('restored')) ?? '');
  }
  await redis.del('restored');
  return losers;
}

/** A sync while V2 serves: what V1 writes is a conflict that it loses. */
async function served(folder: string, bounds = BOUNDS) {
  const saved: number[] = [];
  const sync = await world.start(plan, undefined, {
    journal: { folder, bounds, saved: (_side, count) => saved.push(count) },
  });
  await sync.live();
  for (const { client } of [world.v2, world.v1])
    await writeAuthority(await loadScripts(client), { side: 'target', epoch: 2 });
  return { sync, saved, v1: world.v1.client, v2: world.v2.client };
}

describe('the conflict journal', () => {
  test('leaves the memory of the server when it grows: each loser is whole in a file or in Redis (L2)', async () => {
    const folder = join(dir.path, 'flood');
    const agreed = names.flatMap((name) => [name, 'agreed']);
    await world.v1.client.mset(...agreed);
    const { sync, saved, v1, v2 } = await served(folder);
    await eventually('the copy', async () => (await v2.dbsize()) > COUNT);
    for (const name of names) await v1.set(name, loserOf(name));
    await eventually('V1 to be put right', async () =>
      (await v1.mget(...names)).every((value) => value === 'agreed'),
    );
    await eventually('the conflicts counted', () => sync.status()?.conflicts === COUNT);
    await eventually('a small journal', async () => (await journalBytes(v1)) <= BOUNDS.savedAboveBytes);
    expect(saved.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(COUNT / 2);
    await eventually(
      'its size in the status',
      () => (sync.status()?.recordBytes?.journal.source ?? Infinity) <= BOUNDS.savedAboveBytes,
    );
    const losers = await losersOf(v1, folder);
    expect([...losers.keys()].sort()).toEqual([...names].sort());
    for (const name of names) expect(losers.get(name)).toBe(loserOf(name));
  });

  test('saves a large loser with all that rebuilds it, and frees its memory (L2)', async () => {
    const folder = join(dir.path, 'large');
    await world.v1.client.mset('match:a', 'agreed', 'match:b', 'agreed');
    const { v1, v2, sync } = await served(folder, { savedAboveBytes: 100_000, mostBytes: 100 << 20 });
    await eventually('the copy', async () => (await v2.exists('match:a', 'match:b')) === 2);
    for (const name of ['match:a', 'match:b']) {
      await v1.unlink(name);
      await writeLarge(v1, name, 'hash', 6_000);
      await eventually('V1 to be put right', async () => (await v1.get(name).catch(() => null)) === 'agreed');
    }
    const kept = () => hashesOfKept(v1);
    await eventually('no large loser in Redis', async () => (await kept()).length === 0);
    await eventually('no bytes of it in the status', () => sync.status()?.recordBytes?.journal.source === 0);
    const lines = savedLines(folder).filter(({ words }) => words !== undefined);
    const fields = new Set(lines.map(({ field }) => Buffer.from(field, 'base64').subarray(8).toString()));
    expect(fields).toEqual(new Set(['match:a', 'match:b']));
    for (const name of fields) {
      await v1.del('rebuilt');
      const pieces = lines.filter(
        ({ field }) => Buffer.from(field, 'base64').subarray(8).toString() === name,
      );
      for (const { words = [], args = [] } of pieces) {
        const [command = '', ...rest] = words;
        await v1.call(command, [...rest, 'rebuilt', ...args.map((arg) => Buffer.from(arg, 'base64'))]);
      }
      // A walk over a value that an app still writes may be a conflict of its own, so the last one is whole.
      expect(await v1.hget('rebuilt', 'element 00005999')).toBe('5999');
    }
  });

  test('keeps a large value of V2 that is a pre-image too: an abort puts it back', async () => {
    const folder = join(dir.path, 'shared');
    await writeLarge(world.v2.client, 'match:large', 'hash', 6_000);
    await world.v1.client.set('match:large', 'v1 wins');
    const sync = await world.start(plan, undefined, {
      journal: { folder, bounds: { savedAboveBytes: 50_000, mostBytes: 100 << 20 } },
    });
    await sync.live();
    const { client: v2 } = world.v2;
    await eventually('V1 to win', async () => (await v2.get('match:large').catch(() => null)) === 'v1 wins');
    await eventually('the loser in a file', () => savedLines(folder).length > 0);
    await eventually('no loser in Redis', async () => (await v2.exists(keyspace.journal('v1'))) === 0);
    const image = await v2.hgetBuffer(keyspace.preimage('v1'), 'match:large');
    expect(await v2.hlen(keptKey(image as Buffer) as Buffer)).toBe(6_000);
  });

  test('that cannot be saved loses nothing, and ends the sync in words; with room the next one goes on (L2, L8)', async () => {
    const file = join(dir.path, 'no-folder');
    writeFileSync(file, '');
    await world.v1.client.mset(...names.flatMap((name) => [name, 'agreed']));
    const bounds = { savedAboveBytes: 300_000, mostBytes: 900_000 };
    const { sync, v1, v2 } = await served(file, bounds);
    await eventually('the copy', async () => (await v2.dbsize()) > COUNT);
    for (const name of names) await v1.set(name, loserOf(name));
    const ended = await sync.done.catch((error: unknown) => error);
    expect(ended).toBeInstanceOf(JournalFull);
    expect((ended as Error).message).toMatch(
      /^the conflict journal on v1 takes \d+ MB and could not be saved \((ENOTDIR|EEXIST)\): make the backup directory of the worker writable/,
    );
    const before = await losersOf(v1, join(dir.path, 'none'));
    for (const [name, loser] of before) expect(loser).toBe(loserOf(name));
    await expect(
      world.start(plan, undefined, { journal: { folder: null, bounds } }).then((again) => again.done),
    ).rejects.toThrow(/could not be saved \(this worker may not write there\)/);
    const folder = join(dir.path, 'room');
    const { client } = world.v1;
    const again = await world.start(plan, undefined, { journal: { folder, bounds } });
    await again.live();
    await eventually('a small journal', async () => (await journalBytes(client)) <= bounds.savedAboveBytes);
    const after = await losersOf(client, folder);
    for (const name of before.keys()) expect(after.get(name)).toBe(loserOf(name));
    await again.stop();
  });

  test('has room for much before anything is saved', () => {
    expect(RECORD_BOUNDS).toEqual({ savedAboveBytes: 64 << 20, mostBytes: 256 << 20 });
  });
});

async function hashesOfKept(redis: Redis): Promise<readonly string[]> {
  const [, found] = await redis.scan('0', 'MATCH', `${keyspace.prefix}kept:*`, 'COUNT', '10000');
  return found;
}

describe('a file of saved records', () => {
  test('that ends in half a line goes on after the last whole one', async () => {
    const folder = join(dir.path, 'torn');
    mkdirSync(folder);
    const path = join(folder, 'x.jsonl');
    appendFileSync(path, `{"field":"YQ==","record":"YQ=="}\n{"field":"Yg==","rec${'x'.repeat(200_000)}`);
    const file = savedRecords(folder, 'x', world.v1.client);
    await file.add([Buffer.from('c'), Buffer.from('c'.repeat(20))]);
    await file.close();
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.map(({ field }) => Buffer.from(field, 'base64').toString())).toEqual(['a', 'c']);
  });

  test('is not written where a link leads to', async () => {
    const folder = join(dir.path, 'linked');
    mkdirSync(folder);
    symlinkSync(join(dir.path, 'elsewhere'), join(folder, 'x.jsonl'));
    const file = savedRecords(folder, 'x', world.v1.client);
    await expect(file.add([Buffer.from('c'), Buffer.from('c'.repeat(20))])).rejects.toThrow(/ELOOP/);
    expect(existsSync(join(dir.path, 'elsewhere'))).toBe(false);
  });
});

describe('the quarantine', () => {
  test('copies no more values when it is full: it names them, and each stays in its place (L11)', async () => {
    const quarantineBytes = 100_000;
    const broken = (name: string) => `{"offers":[1],"jobs":"${name} ${noise(name)}"}`;
    const transformed = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);
    const { client: v1 } = world.v1;
    await v1.mset(...names.slice(0, 60).flatMap((name) => [name, broken(name)]));
    const sync = await world.start(transformed, undefined, { quarantineBytes });
    await sync.live();
    await eventually('all of them in quarantine', () => sync.status()?.quarantined === 60);
    const records = await world.v2.client.hgetallBuffer(keyspace.quarantine('v1'));
    const heads = Object.values(records).map(
      (record) => JSON.parse(record.toString('latin1').split('\n', 1)[0] ?? '') as { inPlace?: true },
    );
    const named = heads.filter(({ inPlace }) => inPlace).length;
    expect(heads).toHaveLength(60);
    expect(named).toBeGreaterThan(30);
    expect(named).toBeLessThan(60);
    await eventually('its size in the status', () => {
      const bytes = sync.status()?.recordBytes?.quarantine ?? 0;
      return bytes > quarantineBytes && bytes < 3 * quarantineBytes;
    });
    for (const name of names.slice(0, 60)) expect(await v1.get(name)).toBe(broken(name));
    await v1.mset(...names.slice(0, 60).flatMap((name) => [name, '{"offers":[1]}']));
    await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
    expect(await world.v2.client.get('match:59')).toBe('{"jobs":[1]}');
  });
});

test('two large values among hundreds of small ones in quarantine count with their size', async () => {
  const documents = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);
  const { client: v1 } = world.v1;
  await v1.mset(...names.flatMap((name) => [name, '{"offers":[1],"jobs":1}']));
  const large = ['match:large 1', 'match:large 2'];
  const noises = (name: string) => `${noise(name)}${noise(`more of ${name}`)}`.repeat(4);
  for (const name of large) await v1.set(name, `{"offers":[1],"jobs":"${noises(name)}"}`);
  const bytes = Number(await v1.memory('USAGE', 'match:large 1'));
  const sync = await world.start(documents);
  await sync.live();
  await eventually('all of them in quarantine', () => sync.status()?.quarantined === COUNT + large.length);
  await eventually('their size in the status', () => {
    const held = sync.status()?.recordBytes?.quarantine ?? 0;
    return held > 1.5 * bytes && held < 10 * bytes;
  });
  await sync.stop();
});

test('the journals of a single server are one hash', async () => {
  expect(await hashesOf(world.v1.client, keyspace.journal('v1'))).toEqual([keyspace.journal('v1')]);
});
