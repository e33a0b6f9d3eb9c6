// Joins the TypeScript sources of a command into a few JavaScript files. A command that reads four hundred sources, and
// has each of them translated, needs about a second more of a core at every start. A worker that takes over for a killed
// one has no second to spare.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Inside `node_modules`, because the bundle imports the packages by their names. */
const PLACE = join(ROOT, 'node_modules', '.cache', 'jday');

/** Every folder whose sources a command may import. */
const SOURCES = [
  'domain',
  'redis',
  'activities',
  'workflows',
  'workers',
  'client',
  'monitoring',
  'servers',
  'rehearsal',
];
/** What npm has installed: esbuild, for one. */
const PACKAGES = join('node_modules', '.package-lock.json');

/** Lists the files of a bundle with the hash of each. */
const LIST = 'files.json';
/** Bundles of other versions stay this long, ms. A process that began with one may still import from it. */
const OTHERS_KEPT_MS = 7 * 24 * 3_600_000;

/**
 * Returns the file to import instead of the source `entry`, in a bundle that was made from the sources as they are now.
 * The bundle is kept under a hash of all of them, and made when there is none. A file that a full disk has cut short is
 * found by its hash, and the bundle is made again.
 *
 * @param {string} entry path of a source
 * @param {string} [place] folder of the bundles
 * @returns {Promise<string | null>} path; `null` = there is none, for example because this user may not write there
 */
export async function bundledEntry(entry, place = PLACE) {
  try {
    const folder = join(place, hashOfSources(entry));
    if (!(await isWhole(folder))) await make(entry, folder);
    return join(folder, 'entry.mjs');
  } catch {
    return null;
  }
}

/** Reads synchronously: of some four hundred small files that takes a fifth of the time. */
function hashOfSources(entry) {
  const sources = SOURCES.flatMap((folder) => {
    const files = readdirSync(join(ROOT, folder), { recursive: true });
    return files.filter((file) => /\.(ts|mjs|json)$/.test(file)).map((file) => join(folder, file));
  });
  const hash = createHash('sha256').update(relative(ROOT, entry));
  // The bundle names its sources by their addresses, so it belongs to this folder.
  hash.update(`\0${ROOT}`);
  for (const path of [PACKAGES, 'tsconfig.json', ...sources.sort()])
    hash.update(`\0${path}\0`).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex');
}

async function isWhole(folder) {
  const list = await readFile(join(folder, LIST), 'utf8').catch(() => null);
  if (list === null) return false;
  try {
    const files = Object.entries(JSON.parse(list));
    const contents = await Promise.all(files.map(([name]) => readFile(join(folder, name))));
    return files.length > 0 && files.every(([, hash], i) => hash === hashOf(contents[i]));
  } catch {
    return false;
  }
}

/** Writes under a name of its own first: a command that starts at the same time must not read half of the bundle. */
async function make(entry, folder) {
  const files = await bundle({ entry }, folder);
  // A source that was changed meanwhile may be in the bundle. Under the old hash it would be another version's code.
  if (hashOfSources(entry) !== basename(folder)) throw new Error('the sources are being changed');
  const own = `${folder}.${process.pid}`;
  try {
    await mkdir(own, { recursive: true, mode: 0o755 });
    for (const [name, contents] of files) await writeFile(join(own, name), contents);
    const list = Object.fromEntries(files.map(([name, contents]) => [name, hashOf(contents)]));
    await writeFile(join(own, LIST), JSON.stringify(list));
    await takePlace(own, folder);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  await removeOthers(folder);
}

/**
 * Makes a bundle in memory. It imports the packages by their names.
 *
 * @param {Record<string, string>} entries name of the file → path of the source
 * @param {string} folder where the files are to be
 * @returns {Promise<[name: string, content: Uint8Array][]>}
 */
export async function bundle(entries, folder) {
  const { build, stop } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: entries,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [{ name: 'own address', setup: keepOwnAddress }],
    logLevel: 'silent',
    write: false,
  });
  // Otherwise esbuild keeps a process until this one ends.
  await stop();
  return outputFiles.map(({ path, contents }) => [relative(folder, path), contents]);
}

/** Another command may have made the same bundle meanwhile. Then that one stays, unless it is broken. */
async function takePlace(own, folder) {
  try {
    await rename(own, folder);
  } catch (error) {
    if (await isWhole(folder)) return;
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(folder, { recursive: true, force: true });
    await rename(own, folder);
  }
}

async function removeOthers(folder) {
  const place = dirname(folder);
  for (const name of await readdir(place)) {
    const other = join(place, name);
    if (other === folder) continue;
    const { mtimeMs } = await stat(other);
    if (Date.now() - mtimeMs > OTHERS_KEPT_MS) await rm(other, { recursive: true, force: true });
  }
}

/** A source finds the files beside it by `import.meta.url`. In the bundle this stays the address of the source. */
function keepOwnAddress({ onLoad }) {
  onLoad({ filter: /\.(ts|mjs)$/ }, async ({ path }) => ({
    contents: (await readFile(path, 'utf8')).replaceAll(
      'import.meta.url',
      JSON.stringify(pathToFileURL(path).href),
    ),
    loader: path.endsWith('.ts') ? 'ts' : 'js',
  }));
}

function hashOf(content) {
  return createHash('sha256').update(content).digest('hex');
}
