import { expect } from 'vitest';
import type { Side } from '../../domain/side.ts';
import { eventually } from './eventually.ts';
import type { FaultPlace } from './fault-place.ts';
import { isOfBeginning, isTold, type Point } from './fault-points.ts';
import type { SyncProcess } from './start-sync-process.ts';
import type { Trap } from './sync-process.ts';

/** What breaks while the process stands still at a point, and what makes it whole again when the attempt has ended. */
export type Blow = {
  strike(): Promise<void> | void;
  mend(): Promise<void> | void;
  /** What the attempt may end with. */
  readonly ends: RegExp;
};

const SIDES = ['source', 'target'] as const;
/** Longer than every wait of an attempt. */
const NOTICED_MS = 15_000;
/** For the answer to a drain that is asked for while something breaks. */
export const DRAINED_MS = 60_000;

/**
 * One process goes from point to point. There it stops itself, the blow falls, it goes on, its attempt ends, the blow is
 * mended. Then the next attempt is live and all that was acknowledged is on both sides; or it comes to the next point
 * first, where that is one of an attempt's beginning.
 *
 * @param start the process, which stops itself at the first point if that is one of an attempt's beginning
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

/** What fails says where. */
export async function named<T>(where: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`${where}: ${text}`, { cause: error });
  }
}

/** The process stops itself there, and attempts follow that one. */
export function trapAt({ step }: Point): Trap {
  return { step, signal: 'SIGSTOP', followed: true };
}

/** For the start of a process whose first point is this one: a trap, if an attempt comes to it at its beginning. */
export function trapFor(first: Point): { readonly trap?: Trap } {
  return isOfBeginning(first) ? { trap: trapAt(first) } : {};
}

/** Makes the process come to the point. What it gives back waits for the answer to a drain, if there is one. */
async function lead(place: FaultPlace, sync: SyncProcess, point: Point): Promise<() => Promise<void>> {
  if (point.mode === 'drain') return underDrain(place, point, () => sync.setTrap(trapAt(point)));
  if (!isOfBeginning(point)) sync.setTrap(trapAt(point));
  await provoke(place, point);
  return () => Promise.resolve();
}

/** A drain is asked for, as a switch does: its side is fenced. When the answer comes it must be true. */
export async function underDrain(
  place: FaultPlace,
  point: Point,
  set: () => void,
): Promise<() => Promise<void>> {
  const side = drainedSide(point);
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

/** Steps on the way to V2 come while V2 is fenced, as in a rollback. */
export function drainedSide({ step }: Point): Side {
  return / target$|quarantined/.test(step) ? 'target' : 'source';
}

/** The step of a large value comes when there is one, on a side that is not fenced. */
export async function provoke({ receipts }: FaultPlace, point: Point): Promise<void> {
  if (point.step !== 'shadow built') return;
  await receipts.put(point.mode === 'drain' ? 'target' : 'source', `${labelOf(point)}, large`, 'large');
}

/** The sides whose apps may write at that moment, and whose keys must then be on the other one in the end. */
export function openSides(point: Point): readonly Side[] {
  const fenced = point.mode === 'drain' ? drainedSide(point) : null;
  return SIDES.filter((side) => side !== fenced && (side === 'source' || isTold(point)));
}

/** What apps write at that very moment must arrive. */
export async function writeAt(
  { receipts }: FaultPlace,
  point: Point,
  writing: readonly Side[] = openSides(point),
): Promise<void> {
  for (const side of writing) await receipts.put(side, labelOf(point));
}

/** The process has come to the point, the blow falls; resolves when the attempt has ended by it. */
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
      // Again and again: the first may come before the process has stopped itself.
      sync.signal('SIGCONT');
      return sync.ended.length > before;
    },
    { withinMs: NOTICED_MS },
  );
  expect(sync.ended[before]).toMatch(blow.ends);
}
