/**
 * Bundles the programs that tests start as processes of their own. Such a process starts with one file instead of
 * hundreds, each of which a loader would translate: that takes a quarter of the CPU time, and the tests start a hundred.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin, stop } from 'esbuild';
import { PROGRAMS, PROGRAMS_FOLDER } from './fork-program.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The bundle must lie inside `node_modules`, because it imports packages by their names. */
const PLACE = join(ROOT, 'node_modules', '.cache', 'jday-test');

/** A source names files beside it by `import.meta.url`. In the bundle this stays the address of the source. */
const ownAddress: Plugin = {
  name: 'own-address',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.(ts|mjs)$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }));
  },
};

export async function setup(): Promise<() => void> {
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'run-'));
  await build({
    entryPoints: PROGRAMS.map((name) => join(ROOT, 'test', 'support', 'processes', `${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    plugins: [ownAddress],
  });
  // Else esbuild keeps a process until ours ends.
  await stop();
  process.env[PROGRAMS_FOLDER] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
