import type { Side } from '../../../domain/plan/plan.ts';
import { authorityIn } from './attempt-moves.ts';
import type { Bounds } from './bounds.ts';
import { type Content, MORTAL } from './values.ts';
import { type Attempt, BIT, SIDES, type Store, type World } from './world.ts';

/** Changes the state of a side. Each attempt with an open feed gets the event at some time. */
export function changed(world: World, side: Side, store: Partial<Store>): World {
  const hear = (one: Attempt): Attempt =>
    one.leases === 2 && (one.heard & BIT[side]) === 0 ? { ...one, heard: one.heard | BIT[side] } : one;
  return { ...world, [side]: { ...world[side], ...store }, attempts: world.attempts.map(hear) };
}

/**
 * Whether apps may write on a side. A fence stops them, but it does not stop strangers on the source while the target
 * serves. After a rollback the source opens only when its own record names it.
 */
function mayWrite(world: World, side: Side, bounds: Bounds): boolean {
  const opened = side === 'target' || world.source.epoch === world.target.epoch;
  if ((world.fenced & BIT[side]) === 0) return opened;
  return bounds.strangers && side === 'source' && authorityIn(world.target.epoch) === 'target';
}

/** The moves of apps, of clocks, and of the polls that find writes without an event. */
export function appMoves(world: World, bounds: Bounds, move: (name: string, next: World) => void): void {
  for (const side of SIDES) {
    const store = world[side];
    const mortal = world.expires && store.clock === 0;
    if (mayWrite(world, side, bounds) && world.written < bounds.writes) {
      const number = world.written + 1;
      const ops = store.ops | (1 << (number - 1));
      const write = (name: string, content: Content) =>
        move(`app ${name} on ${side} (write ${number})`, {
          ...changed(world, side, { content, ops }),
          told: world.told | BIT[side],
          written: number,
        });
      write('sets', number);
      if (bounds.silent && store.content !== 0)
        move(`app acknowledges on ${side} (write ${number})`, {
          ...world,
          [side]: { ...store, content: number, ops },
          written: number,
          unheard: world.unheard | BIT[side],
        });
      if (store.content !== 0) write('deletes', 0);
      if (store.content > MORTAL) write('persists', store.content - MORTAL);
      else if (store.content !== 0 && mortal) write('expires', store.content + MORTAL);
      if (mortal) write('sets with expiry', number + MORTAL);
      if (bounds.again && store.content !== 1) write('sets the first value again', 1);
    }
    if ((world.unheard & BIT[side]) !== 0)
      move(`a poll of ${side}`, { ...changed(world, side, {}), unheard: world.unheard & ~BIT[side] });
    if (mortal) {
      const name = `clock of ${side} passes the expiry`;
      if (store.content > MORTAL) move(name, changed(world, side, { content: 0, clock: 1 }));
      else move(name, { ...world, [side]: { ...store, clock: 1 } });
    }
  }
}
