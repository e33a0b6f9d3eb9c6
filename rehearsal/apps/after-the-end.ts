import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../domain/side.ts';
import type { AppsProcess } from './process.ts';

const WRITES_THAT_PROVE = 100;
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 100;

/** Whether the side that should serve now takes the apps' writes, after everything has ended. */
export async function servesTheApps(apps: AppsProcess, side: Side): Promise<boolean> {
  const before = (await apps.tally()).acknowledged[side];
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    if ((await apps.tally()).acknowledged[side] >= before + WRITES_THAT_PROVE) return true;
    await delay(LOOK_EVERY_MS);
  }
  return false;
}
