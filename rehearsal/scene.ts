import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Desk } from '../client/desk.ts';
import type { Terminal } from '../client/terminal.ts';
import { type AppsProcess, startApps } from './apps/process.ts';
import type { Closing } from './closing.ts';
import type { Base } from './fill/base.ts';
import { writeModels } from './fill/models.ts';
import { seedEntries } from './fill/seed.ts';
import { writeEntries } from './fill/write.ts';
import type { Narrator } from './narrator.ts';
import type { Options } from './options.ts';
import { openRunFolder } from './run-folder.ts';
import { startWorker } from './worker.ts';
import { startWorld, type World, writeEnvironmentFile } from './world.ts';

const HOME = fileURLToPath(new URL('../.jday', import.meta.url));

/** A world with data, live apps and a worker in it; only the migration is missing. */
export type Scene = {
  readonly world: World;
  readonly base: Base;
  readonly apps: AppsProcess;
  /** The apps' log of acknowledged writes. */
  readonly logFile: string;
  /** What an operator of this world asks with. */
  readonly desk: Desk;
};

export async function setScene(
  options: Options,
  terminal: Terminal,
  narrator: Narrator,
  closing: Closing,
): Promise<Scene> {
  const { keys, seed, shared } = options;
  const folder = openRunFolder(HOME);
  const servers = shared ? 'one Redis with three databases' : 'three Redis servers';
  const world = await narrator.step(`Temporal and ${servers} are up`, () =>
    startWorld(folder, shared, closing),
  );
  writeEnvironmentFile(join(HOME, 'env'), world.environment);
  const base = { seed, now: Date.now() };
  await narrator.step(`${keys} keys and Nexten's models are filled in, seed ${seed}`, async () => {
    writeModels(world.models, seed);
    await writeEntries(world.stores.admin, seedEntries(base, keys));
  });
  const logFile = join(folder, 'acknowledged.jsonl');
  const apps = await narrator.step('V1, Nexten and the V2 canary serve users', async () => {
    const urls = {
      v1: world.stores.url('v1', 'v1-app'),
      nexten: world.stores.url('nexten', 'nexten-app'),
      v2: world.stores.url('v2', 'v2-app'),
    };
    return startApps({ base, keys, logFile, urls }, closing);
  });
  await narrator.step('the worker is ready', () => startWorker(world, closing));
  const desk = { ...terminal, environment: world.environment, end: () => {} };
  return { world, base, apps, logFile, desk };
}
