import { setTimeout as delay } from 'node:timers/promises';
import { PHASES, type Phase } from '../domain/phase.ts';
import type { Progress } from '../domain/progress.ts';

/** After the flip the apps get a moment to write to V2, so that there is something to lose. */
const TRAFFIC_ON_V2_MS = 1_000;

/** Does something once, when a phase is reached or already passed. */
export function onceAt(phase: Phase, act: () => Promise<void>): (progress: Progress) => Promise<void> {
  let done = false;
  return async (progress) => {
    if (done || !hasReached(progress.phase, phase)) return;
    done = true;
    if (phase === 'watch') await delay(TRAFFIC_ON_V2_MS);
    await act();
  };
}

function hasReached(current: Progress['phase'], wanted: Phase): boolean {
  const at = PHASES.findIndex((phase) => phase === current);
  return at >= PHASES.indexOf(wanted);
}
