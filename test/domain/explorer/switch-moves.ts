import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { authorityIn } from './attempt-moves.ts';
import type { Bounds, Protocol } from './bounds.ts';
import { Violation } from './explore.ts';
import { MORTAL } from './values.ts';
import { type Attempt, BIT, newAttempt, type World } from './world.ts';

type Move = (name: string, next: World) => void;

/** A new attempt begins beside the old ones. They were killed, or they only look dead. */
export function beginMoves(world: World, bounds: Bounds, move: Move): void {
  if (world.begun < bounds.attempts) {
    const token = Math.max(world.source.lease, world.target.lease) + 1;
    const attempts = [...world.attempts.slice(-1), newAttempt(token, world.target.epoch)];
    if (!world.attempts.some((one) => one.token === token))
      move(`attempt ${token} begins`, { ...world, begun: world.begun + 1, attempts });
  }
  const one = world.attempts.at(-1);
  if (!one || one.leases >= 2) return;
  const side = one.leases === 0 ? 'target' : 'source';
  const leases = one.leases === 0 ? 1 : 2;
  const older = world.attempts.slice(0, -1);
  const left = leases === 2 && !bounds.zombies ? older.flatMap(lastWrite) : older;
  const attempts = [...left, { ...one, leases } as Attempt];
  move(`attempt ${one.token} takes the lease on ${side}`, {
    ...world,
    [side]: { ...world[side], lease: one.token },
    attempts,
  });
}

/** What a killed attempt leaves behind: its last write, if one is on its way. */
function lastWrite(one: Attempt): Attempt[] {
  const { token, epoch, at, looks, flight } = one;
  return flight ? [{ ...newAttempt(token, epoch), unscanned: 0, leases: 3, at, looks, flight }] : [];
}

/** Whether the drain counts a change of the side that has not arrived on the other side. */
function pendingFrom(one: Attempt, side: Side): boolean {
  const work = (marks: number) => (marks & BIT[side]) !== 0 || (marks & BIT[otherSide(side)]) === 0;
  if ((one.waiting & BIT[side]) !== 0) return true;
  return (one.at !== 'idle' && work(one.held)) || (one.parked !== 0 && work(one.parked));
}

/** The moves of a switch: fence, drain, flip, or open again. A rollback is a cutover with the sides swapped. */
export function switchMoves(world: World, bounds: Bounds, protocol: Protocol, move: Move): void {
  const { epoch } = world.target;
  if (world.source.epoch < epoch)
    move('the source learns who serves', { ...world, source: { ...world.source, epoch } });
  if (epoch > bounds.flips) return;
  const side = authorityIn(epoch);
  if ((world.fenced & BIT[side]) === 0)
    return move(`fence ${side}`, { ...world, fenced: world.fenced | BIT[side], paused: side });
  if (world.paused) move(`open ${side} again`, { ...world, fenced: world.fenced & ~BIT[side], paused: null });
  const drained = world.attempts.find(
    (one) =>
      one.leases === 2 &&
      (one.token === world.target.lease || !protocol.drainsByLease) &&
      (one.heard & BIT[side]) === 0 &&
      !pendingFrom(one, side) &&
      (one.unscanned === 0 || !protocol.drainsScan) &&
      ((world.unheard & BIT[side]) === 0 || !protocol.drainsSilent),
  );
  if (!drained && protocol.drains) return;
  const flipped = {
    ...world,
    target: { ...world.target, epoch: epoch + 1 },
    fenced: BIT[side],
    paused: null,
  };
  assertDrained(world, side);
  move(`flip to ${otherSide(side)}`, flipped);
}

/** The side that takes over must have everything that the other side has accepted. */
function assertDrained(world: World, side: Side): void {
  const [old, next] = [world[side], world[otherSide(side)]];
  // A delete that is seen after the expiry looks like an expiry. The clock of the other side ends the key there.
  if (old.content === 0 && old.clock === 1 && next.content > MORTAL) return;
  if (old.content === old.agreed || old.content === next.content) return;
  if ((old.ops & ~next.ops & ~world.journal) !== 0)
    throw new Violation(`${side} hands over before everything has arrived (L2)`);
}

/**
 * When nothing is left to do, both sides must be equal. While the clocks differ, a key may have expired on one side.
 */
export function assertAgreement(world: World): void {
  const one = world.attempts.at(-1);
  if (!one || one.leases !== 2 || one.at !== 'idle') return;
  if (one.heard !== 0 || one.waiting !== 0 || one.parked !== 0 || one.unscanned !== 0) return;
  if (world.unheard !== 0) return;
  const { source, target } = world;
  const mortal = source.content > MORTAL || target.content > MORTAL;
  if (source.clock !== target.clock && mortal) return;
  if (source.content !== target.content) throw new Violation('quiet, and the sides differ (L2)');
}
