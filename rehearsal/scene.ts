import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VerbContext } from '../client/verb-context.ts';
import type { Terminal } from '../client/terminal.ts';
import { type AppsProcess, startApps } from './apps/process.ts';
import type { Closing } from './closing.ts';
import type { Base } from './fill/base.ts';
import { writeEntries, writeModels } from './fill/write.ts';
import { seedEntries } from './fill/data-set.ts';
import type { Narrator } from './narrator.ts';
import type { RehearsalOptions } from './options.ts';
import { rehearsalEnvironment, startWorld, type World, writeEnvironmentFile } from './world.ts';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { becomeReady, startChild } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';

const HOME = fileURLToPath(new URL('../.jday', import.meta.url));

/**
 * Everything that a migration needs: servers with data, live apps and a worker. Only the migration itself is missing.
 */
export type Scene = {
  readonly world: World;
  readonly base: Base;
  readonly apps: AppsProcess;
  /** The apps' log of acknowledged writes. */
  readonly logFile: string;
  /** The context in which an operator's verbs run here. */
  readonly desk: VerbContext;
};

export async function setScene(
  options: RehearsalOptions,
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

const PREFIX = 'rehearsal-';

/** Creates a folder for this run under `home`. Removes the folders of runs whose process is gone. */
function openRunFolder(home: string): string {
  mkdirSync(home, { recursive: true });
  for (const name of readdirSync(home)) {
    if (name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length).split('-')[0])))
      rmSync(join(home, name), { recursive: true, force: true });
  }
  const folder = join(home, `${PREFIX}${process.pid}-${Date.now()}`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const READY_DEADLINE_MS = 60_000;
const JDAY = fileURLToPath(new URL('../client/jday.mjs', import.meta.url));

type WorkerProcess = { readonly pid: number; readonly metricsUrl: string };

/** Starts the worker as an operator would, and waits until its log says `ready`. */
async function startWorker(world: World, closing: Closing): Promise<WorkerProcess> {
  const port = await freePort();
  const child = startChild({
    program: process.execPath,
    args: [JDAY, 'worker', '--metrics-port', String(port)],
    cwd: world.folder,
    logFile: join(world.folder, 'worker.log'),
    env: rehearsalEnvironment(world),
  });
  closing.add(() => child.stop());
  await becomeReady(child, 'the worker', () => /\bready\b/.test(child.log()), READY_DEADLINE_MS);
  return { pid: child.pid, metricsUrl: `http://127.0.0.1:${port}/metrics` };
}
