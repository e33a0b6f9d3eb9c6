import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar';
import { beforeEach, describe, expect, it } from 'vitest';
import { copyFileSet } from '../../../redis/backup/copy-file-set.ts';
import { archiveFolder, writeArchive } from '../../../redis/backup/files.ts';
import { differences, folderManifest } from '../../../redis/backup/folder-manifest.ts';
import { makeTempDir, withTempDir } from '../../support/temp-dir.ts';

const dir = withTempDir();
const never = new AbortController().signal;
let models: string;
let work: string;

beforeEach(() => {
  work = join(dir.path, makeTempDir().split('/').at(-1) ?? '');
  models = join(work, 'models');
  mkdirSync(join(models, 'v2', 'empty'), { recursive: true });
  writeFileSync(join(models, 'weights.bin'), Buffer.alloc(300_000, 7));
  writeFileSync(join(models, 'v2', 'modèle.pkl'), Buffer.from([0x80, 4, 0x95, 0]));
  symlinkSync('weights.bin', join(models, 'current'));
});

it('a copy does not leave its folder by a link that stands there where the files have a folder', async () => {
  const [to, elsewhere] = [join(work, 'to'), join(work, 'elsewhere')];
  for (const folder of [to, elsewhere]) mkdirSync(folder);
  symlinkSync(elsewhere, join(to, 'v2'));
  await expect(copyFileSet(models, to)).rejects.toThrow(
    /folder \S+to holds a link where the files have a folder/,
  );
  expect(readdirSync(elsewhere)).toEqual([]);
});

describe('a model folder as archive', () => {
  it('holds every file, link and folder, is private, and its digest is the one told (L10)', async () => {
    const archive = join(work, 'models.tar.gz');
    const archived = await archiveFolder(models, archive, 'models', never);
    expect(archived).toMatchObject({ files: 2, bytes: statSync(archive).size });
    expect(archived.sha256).toBe(createHash('sha256').update(readFileSync(archive)).digest('hex'));
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    const back = join(work, 'back');
    mkdirSync(back);
    await extract({ file: archive, cwd: back });
    expect(readFileSync(join(back, 'v2', 'modèle.pkl'))).toEqual(Buffer.from([0x80, 4, 0x95, 0]));
    expect(readlinkSync(join(back, 'current'))).toBe('weights.bin');
    expect(readdirSync(join(back, 'v2', 'empty'))).toEqual([]);
    expect(readdirSync(work).filter((name) => name.startsWith('.scratch'))).toEqual([]);
  });

  it('is taken again when a file changes meanwhile, and refused when it never holds still', async () => {
    const restless = changing(join(models, 'weights.bin'));
    await expect(archiveFolder(models, join(work, 'torn.tar.gz'), 'models', never))
      .rejects.toThrow(/keeps changing: 1 entries while archived/)
      .finally(restless.stop);
    await expect(archiveFolder(models, join(work, 'calm.tar.gz'), 'models', never)).resolves.toMatchObject({
      files: 2,
    });
  });

  it('is taken again when a file changes and changes back while it is read', async () => {
    const file = join(models, 'weights.bin');
    const archive = join(work, 'torn.tar.gz');
    const whole = readFileSync(file);
    let attempts = 0;
    const write: typeof writeArchive = async (...all) => {
      if (++attempts === 1) writeFileSync(file, 'torn');
      return writeArchive(...all).finally(() => writeFileSync(file, whole));
    };
    await archiveFolder(models, archive, 'models', never, write);
    expect(attempts).toBe(2);
    const back = join(work, 'back');
    mkdirSync(back);
    await extract({ file: archive, cwd: back });
    expect(readFileSync(join(back, 'weights.bin'))).toEqual(whole);
  });

  it('is refused in a clear sentence when the folder is missing', async () => {
    const nowhere = join(work, 'nowhere');
    await expect(archiveFolder(nowhere, join(work, 'a.tar.gz'), 'models', never)).rejects.toThrow(
      `folder ${nowhere} does not exist`,
    );
  });
});

describe('a model folder copied to the other volume', () => {
  it('arrives whole, and what else stood there stays (L6)', async () => {
    const to = join(work, 'v2', 'models');
    mkdirSync(to, { recursive: true });
    writeFileSync(join(to, 'native.bin'), 'of V2');
    await expect(copyFileSet(models, to, never)).resolves.toEqual({ files: 2, bytes: 300_004 });
    const [from, there] = [await folderManifest(models), await folderManifest(to)];
    expect(differences(from, there)).toEqual(['native.bin']);
  });

  it('is mended when run again: a damaged or missing file is replaced, a good one left alone', async () => {
    const to = join(work, 'copy');
    await copyFileSet(models, to, never);
    const untouched = statSync(join(to, 'weights.bin')).ino;
    writeFileSync(join(to, 'v2', 'modèle.pkl'), 'damaged');
    rmSync(join(to, 'current'));
    await copyFileSet(models, to, never);
    expect(differences(await folderManifest(models), await folderManifest(to))).toEqual([]);
    expect(statSync(join(to, 'weights.bin')).ino).toBe(untouched);
  });

  it('is nothing to do when the plan names no folder', async () => {
    await expect(copyFileSet('', join(work, 'never'), never)).resolves.toEqual({ files: 0, bytes: 0 });
    expect(readdirSync(work)).toEqual(['models']);
  });

  it('is refused in a clear sentence when the source is missing', async () => {
    await expect(copyFileSet(join(work, 'gone'), join(work, 'to'), never)).rejects.toThrow(/does not exist/);
  });

  it('leaves nothing temporary behind when a file cannot be placed', async () => {
    const to = join(work, 'blocked');
    mkdirSync(join(to, 'weights.bin', 'in the way'), { recursive: true });
    await expect(copyFileSet(models, to, never)).rejects.toThrow();
    expect(readdirSync(to).filter((name) => name.startsWith('.jday'))).toEqual([]);
    chmodSync(to, 0o700);
  });
});

/**
 * Changes a file at every turn of the event loop until stopped. It writes in place, so the file is never empty: it
 * never holds what it held before.
 */
function changing(file: string): { stop: () => void } {
  const opened = openSync(file, 'r+');
  let going = true;
  let round = 0;
  const turn = () => {
    if (!going) return closeSync(opened);
    writeSync(opened, Buffer.alloc(300_000, `${round++} `), 0, 300_000, 0);
    setImmediate(turn);
  };
  turn();
  return { stop: () => void (going = false) };
}
