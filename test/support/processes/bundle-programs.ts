/**
 * Bundles the programs that tests start as processes of their own, as the commands of jday are. Such a process starts
 * with a few files instead of hundreds, each of which a loader would translate.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../../client/bundle.mjs';
import { PROGRAMS, PROGRAMS_FOLDER } from './fork-program.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Inside `node_modules`, because the bundle imports the packages by their names. */
const PLACE = join(ROOT, 'node_modules', '.cache', 'jday-test');

const DAY_MS = 24 * 3_600_000;

/** A run that was ended by a signal has left its folder. */
function removeOld(): void {
  for (const name of readdirSync(PLACE)) {
    const folder = join(PLACE, name);
    if (Date.now() - statSync(folder).mtimeMs > DAY_MS) rmSync(folder, { recursive: true, force: true });
  }
}

export async function setup(): Promise<() => void> {
  mkdirSync(PLACE, { recursive: true });
  removeOld();
  const folder = mkdtempSync(join(PLACE, 'run-'));
  const sourceOf = (name: string) => join(ROOT, 'test', 'support', 'processes', `${name}.ts`);
  const entries = Object.fromEntries(PROGRAMS.map((name) => [name, sourceOf(name)]));
  for (const [name, content] of await bundle(entries, folder)) writeFileSync(join(folder, name), content);
  process.env[PROGRAMS_FOLDER] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
