/**
 * Bundles the programs that tests start as processes of their own, as the commands of jday are. Such a process starts
 * with a few files instead of hundreds, each of which a loader would translate.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../../client/bundle.mjs';
import { PROGRAMS, PROGRAMS_FOLDER } from './fork-program.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Inside `node_modules`, because the bundle imports the packages by their names. */
const PLACE = join(ROOT, 'node_modules', '.cache', 'jday-test');

export async function setup(): Promise<() => void> {
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'run-'));
  const sourceOf = (name: string) => join(ROOT, 'test', 'support', 'processes', `${name}.ts`);
  const entries = Object.fromEntries(PROGRAMS.map((name) => [name, sourceOf(name)]));
  for (const [name, content] of await bundle(entries, folder)) writeFileSync(join(folder, name), content);
  process.env[PROGRAMS_FOLDER] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
