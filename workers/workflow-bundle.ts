import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Runtime } from '@temporalio/worker';
import { cacheFolder } from '../servers/tool-places.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The workflow consists of these folders (`npm run imports` checks that) and of the packages that are installed. */
const SOURCES = ['workflows', 'domain'];
/** What npm has installed, and this file, which chooses the options of the bundler. */
const BESIDES = [join('node_modules', '.package-lock.json'), join('workers', 'workflow-bundle.ts')];

const NAME = /^workflows-[0-9a-f]{64}\.js$/;
/** A file that a worker was writing when it was killed: its process id stands at the end. */
const UNFINISHED = /^workflows-[0-9a-f]{64}\.js\.(\d+)$/;
const OTHERS_KEPT = 4;

/**
 * The workflow's code as one bundle, which a worker needs. webpack takes some six seconds of a CPU core and 200 MB to
 * make it. A worker that was killed during a migration must not spend that time before it goes on. So the bundle is
 * kept in the cache folder, under a hash of everything that it is made of. The first line of the file is the hash of
 * the rest: a file that a full disk has cut short is made again. When the hash cannot be computed or the cache folder
 * cannot be used, the bundle is made each time.
 *
 * @param folder the cache folder; by default the one that `JDAY_CACHE` or `XDG_CACHE_HOME` names
 * @param make makes the bundle
 */
export async function workflowBundle(
  folder?: string,
  make: () => Promise<string> = bundled,
): Promise<{ readonly code: string }> {
  const path = await keptPath(folder).catch(() => null);
  const kept = path && (await readKept(path));
  if (kept) return { code: kept };
  const code = await make();
  // A source that changed meanwhile may be in the code. Under the old hash it would be another version's code.
  const after = await keptPath(folder).catch(() => null);
  if (path !== null && path === after) await keep(path, code).catch(() => undefined);
  return { code };
}

async function bundled(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows', 'index.ts'),
    logger: Runtime.instance().logger,
  });
  return code;
}

async function keptPath(folder = cacheFolder()): Promise<string> {
  return join(folder, `workflows-${await hashOfSources()}.js`);
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [...BESIDES, ...(await sourcePaths())])
    hash
      .update(`${path}\0`)
      .update(await readFile(join(ROOT, path)))
      .update('\0');
  return hash.digest('hex');
}

async function sourcePaths(): Promise<readonly string[]> {
  const found = await Promise.all(
    SOURCES.map(async (folder) => {
      const files = await readdir(join(ROOT, folder), { recursive: true });
      return files.filter((file) => file.endsWith('.ts')).map((file) => join(folder, file));
    }),
  );
  return found.flat().sort();
}

/** @returns the kept code; `null` = there is no such file, or it is not complete */
async function readKept(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  const end = text.indexOf('\n');
  const code = text.slice(end + 1);
  return text.slice(0, end) === `// ${hashOf(code)}` ? code : null;
}

/** Writes under a name of its own first: a worker that starts at the same time must not read half of the file. */
async function keep(path: string, code: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}`;
  try {
    await writeFile(own, `// ${hashOf(code)}\n${code}`, { mode: 0o600 });
    await rename(own, path);
  } catch (error) {
    await rm(own, { force: true });
    throw error;
  }
  await removeOlder(path);
}

/**
 * Removes the bundles of other versions, but for the newest few, because a worker of another version may start beside
 * this one. Removes what a killed process has left unfinished.
 */
async function removeOlder(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder);
  const others = names.filter((name) => NAME.test(name)).map((name) => join(folder, name));
  const dated = await Promise.all(
    others.filter((other) => other !== path).map(async (other) => ({ other, ...(await stat(other)) })),
  );
  dated.sort((one, other) => other.mtimeMs - one.mtimeMs);
  for (const { other } of dated.slice(OTHERS_KEPT)) await rm(other, { force: true });
  for (const name of names) {
    const pid = UNFINISHED.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
