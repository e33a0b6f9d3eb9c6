import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { becomeReady, startChild } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import type { Closing } from './closing.ts';
import { environmentOf, type World } from './world.ts';

const READY_DEADLINE_MS = 60_000;
const JDAY = fileURLToPath(new URL('../client/jday.mjs', import.meta.url));

export type WorkerProcess = { readonly pid: number; readonly metricsUrl: string };

/** Starts the worker as an operator would, and waits for its word `ready`. */
export async function startWorker(world: World, closing: Closing): Promise<WorkerProcess> {
  const port = await freePort();
  const child = startChild({
    program: process.execPath,
    args: [JDAY, 'worker', '--metrics-port', String(port)],
    cwd: world.folder,
    logFile: join(world.folder, 'worker.log'),
    env: environmentOf(world),
  });
  closing.add(() => child.stop());
  await becomeReady(child, 'the worker', () => /\bready\b/.test(child.log()), READY_DEADLINE_MS);
  return { pid: child.pid, metricsUrl: `http://127.0.0.1:${port}/metrics` };
}
