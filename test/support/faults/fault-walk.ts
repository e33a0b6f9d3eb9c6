import { expect } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import { eventually } from '../eventually.ts';
import type { FaultPlace } from './fault-place.ts';
import { isOfBeginning, isTold, type Point } from './fault-points.ts';
import type { SyncProcess } from '../processes/start-sync-process.ts';
import type { Trap } from '../processes/sync-process.ts';

/**
 * A fault. `strike` breaks something while the process stands still at a point. `mend` repairs it when the attempt has
 * ended.
 */
export type Blow = {
  strike(): Promise<void> | void;
  mend(): Promise<void> | void;
  /** Must match the failure that ends the attempt. */
  readonly ends: RegExp;
};

const SIDES = ['source', 'target'] as const;
/** Longest wait for the end of an attempt, ms. It is longer than every timeout of an attempt. */
const NOTICED_MS = 15_000;
/** Longest wait for the answer to a drain that is requested during a fault, ms. */
export const DRAINED_MS = 60_000;

/**
 * Leads one process from point to point. At each point the process stops itself, the fault strikes, the process goes
 * on, and its attempt ends. Then the fault is mended. The next attempt must become live, and both sides must then hold
 * everything that was acknowledged. If the next point is at the beginning of an attempt, the walk skips this check,
 * because the next attempt stops there first.
 *
 * @param start starts the process; if the first point is at the beginning of an attempt, the process stops itself there
 */
export async function walk(
  place: FaultPlace,
  start: (first: Point) => Promise<SyncProcess>,
  blow: Blow,
  points: readonly Point[],
): Promise<void> {
  let sync: SyncProcess | undefined;
  for (const [i, point] of points.entries()) {
    const next = points[i + 1];
    const early = next && isOfBeginning(next) ? next : null;
    await named(labelOf(point), async () => {
      sync ??= await start(point);
      if (i === 0 && !isOfBeginning(point)) await sync.live();
      const answered = await lead(place, sync, point);
      await struck(place, sync, point, blow);
      if (early) sync.setTrap(trapAt(early));
      await blow.mend();
      await answered();
      if (early) return;
      await sync.live();
      await place.alike();
    });
  }
}

export const labelOf = ({ mode, step }: Point) => `${mode}, ${step}`;

/** Adds `where` to the message of a failure. */
export async function named<T>(where: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`${where}: ${text}`, { cause: error });
  }
}

/** Returns a trap at the point. The process stops itself there, goes on later, and begins further attempts. */
export function trapAt({ step }: Point): Trap {
  return { step, signal: 'SIGSTOP', followed: true };
}

/**
 * Returns the trap for the start of a process whose first point this is. There is one only if an attempt reaches the
 * point at its beginning.
 */
export function trapFor(first: Point): { readonly trap?: Trap } {
  return isOfBeginning(first) ? { trap: trapAt(first) } : {};
}

/**
 * Makes the process reach the point.
 *
 * @returns waits for the answer to the drain, if one was requested
 */
async function lead(place: FaultPlace, sync: SyncProcess, point: Point): Promise<() => Promise<void>> {
  if (point.mode === 'drain') return underDrain(place, point, () => sync.setTrap(trapAt(point)));
  if (!isOfBeginning(point)) sync.setTrap(trapAt(point));
  await provoke(place, point);
  return () => Promise.resolve();
}

/**
 * Requests a drain of a side whose app is paused, as in a switch. When the answer comes, no write of this side may be
 * lost.
 *
 * @returns waits for the answer, checks it, and lets the app go on
 */
export async function underDrain(
  place: FaultPlace,
  point: Point,
  set: () => void,
): Promise<() => Promise<void>> {
  const side = drainedSide(point);
  await place.adopted();
  await place.receipts.put(side, labelOf(point));
  const goOn = await place.load.pause(side);
  set();
  const answer = place.drain(side, DRAINED_MS);
  answer.catch(() => undefined);
  await provoke(place, point);
  return async () => {
    await answer;
    expect(await place.lost(side)).toEqual([]);
    goOn();
  };
}

/**
 * Returns the side to drain, so that the process still reaches the step. A step that writes on V2 needs writes on V1.
 * So V2 is drained, as in a rollback.
 */
export function drainedSide({ step }: Point): Side {
  return / target$|quarantined/.test(step) ? 'target' : 'source';
}

/** Writes a large value on a side that is not paused, if the step needs one. */
export async function provoke({ receipts }: FaultPlace, point: Point): Promise<void> {
  if (point.step !== 'shadow built') return;
  await receipts.put(point.mode === 'drain' ? 'target' : 'source', `${labelOf(point)}, large`, 'large');
}

/** Returns the sides whose apps may write at this point. These keys must reach the other side in the end. */
export function openSides(point: Point): readonly Side[] {
  const fenced = point.mode === 'drain' ? drainedSide(point) : null;
  return SIDES.filter((side) => side !== fenced && (side === 'source' || isTold(point)));
}

/** Writes one key on each of these sides at this point. These keys must arrive. */
export async function writeAt(
  { receipts }: FaultPlace,
  point: Point,
  writing: readonly Side[] = openSides(point),
): Promise<void> {
  for (const side of writing) await receipts.put(side, labelOf(point));
}

/** Waits until the process has reached the point, then strikes. Resolves when the fault has ended the attempt. */
export async function struck(
  place: FaultPlace,
  sync: SyncProcess,
  point: Point,
  blow: Pick<Blow, 'strike' | 'ends'>,
  writing?: readonly Side[],
): Promise<void> {
  await sync.trapped(point.step);
  await writeAt(place, point, writing);
  const before = sync.ended.length;
  await blow.strike();
  await eventually(
    'the end of its attempt',
    () => {
      // Send it again and again. The first signal may come before the process has stopped itself.
      sync.signal('SIGCONT');
      return sync.ended.length > before;
    },
    { withinMs: NOTICED_MS },
  );
  expect(sync.ended[before]).toMatch(blow.ends);
}
