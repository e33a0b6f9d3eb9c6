import type { Side } from '../../../domain/side.ts';
import type { Bounds } from './bounds.ts';
import { type Content, MORTAL } from './values.ts';
import { type Attempt, BIT, SIDES, type Store, type World } from './world.ts';

/** A state changes on a side: whoever listens there will hear of it, some time. */
export function changed(world: World, side: Side, store: Partial<Store>): World {
  const hear = (one: Attempt): Attempt =>
    one.leases === 2 && (one.heard & BIT[side]) === 0 ? { ...one, heard: one.heard | BIT[side] } : one;
  return { ...world, [side]: { ...world[side], ...store }, attempts: world.attempts.map(hear) };
}

/** What apps and clocks do: set (also with an expiry, also what stood there before), delete, expire. */
export function appMoves(world: World, bounds: Bounds, move: (name: string, next: World) => void): void {
  for (const side of SIDES) {
    const store = world[side];
    const mortal = world.expires && store.clock === 0;
    if ((world.fenced & BIT[side]) === 0 && world.written < bounds.writes) {
      const number = world.written + 1;
      const ops = store.ops | (1 << (number - 1));
      const write = (name: string, content: Content) =>
        move(`app ${name} on ${side} (write ${number})`, {
          ...changed(world, side, { content, ops }),
          told: world.told | BIT[side],
          written: number,
        });
      write('sets', number);
      if (store.content !== 0) write('deletes', 0);
      if (store.content > MORTAL) write('persists', store.content - MORTAL);
      else if (store.content !== 0 && mortal) write('expires', store.content + MORTAL);
      if (mortal) write('sets with expiry', number + MORTAL);
      if (bounds.again && store.content !== 1) write('sets the first value again', 1);
    }
    if (mortal) {
      const name = `clock of ${side} passes the expiry`;
      if (store.content > MORTAL) move(name, changed(world, side, { content: 0, clock: 1 }));
      else move(name, { ...world, [side]: { ...store, clock: 1 } });
    }
  }
}
