import type { Acceptance } from '../../../domain/protocol/loss-suspicion.ts';
import { Violation } from '../explorer/explore.ts';
import { assertAgreement } from '../explorer/switch-moves.ts';
import { MORTAL } from '../explorer/values.ts';
import { SIDES, type World } from '../explorer/world.ts';
import { lookAgain } from './faults.ts';
import {
  begins,
  clocks,
  LINKS,
  type Life,
  moveAll,
  moveKey,
  set,
  switches,
  syncs,
  worldsOf,
} from './life.ts';

/** The most moves of one link until it must be at rest. A link that needs more never comes to rest. */
const REST = 3_000;

/**
 * Ends a schedule. The apps rest, an operator decides on suspect sides, and a new attempt scans every key. Then both
 * sides must be equal.
 */
export function settle(life: Life): void {
  moveAll(life, LINKS, switches, 'open');
  for (const link of LINKS) {
    moveAll(life, [link], switches, 'the source learns');
    rest(life, link);
    assertLive(life, link);
    decide(life, link, life.random.pick(['absence', 'restore']));
    begin(life, link);
    rest(life, link);
  }
  for (const link of LINKS) moveAll(life, [link], clocks, 'clock of source');
  moveAll(life, LINKS, clocks, 'clock of target');
  for (const link of LINKS) {
    rest(life, link);
    for (const world of worldsOf(life, link)) assertSame(world);
  }
}

/** Both sides must agree by what the running attempt has heard. No key may have to wait for the next attempt. */
function assertLive(life: Life, link: number): void {
  for (const world of worldsOf(life, link))
    if (isHeld(world) && Object.keys(world.suspicions).length === 0) assertAgreement(world);
}

/** The newest attempt holds the lease on both sides. */
function isHeld({ attempts, source, target }: World): boolean {
  const one = attempts.at(-1);
  return one?.leases === 2 && one.token === source.lease && one.token === target.lease;
}

function begin(life: Life, link: number): void {
  do moveAll(life, [link], begins);
  while (!isHeld(worldsOf(life, link)[0] as World));
}

/** Lets the syncs move until they have nothing to do. They must come to rest by themselves. */
function rest(life: Life, link: number): void {
  for (let moves = 0; moves < REST; moves++) {
    const keys = worldsOf(life, link).keys();
    let moved = false;
    for (const key of keys) moved = moveKey(life, link, key, syncs) || moved;
    if (!moved) return;
  }
  throw new Violation('it does not come to rest (L8)');
}

function decide(life: Life, link: number, accepted: Acceptance): void {
  const decided = worldsOf(life, link).map((world) => {
    let next = world;
    for (const side of SIDES) {
      const suspicion = next.suspicions[side];
      if (!suspicion) continue;
      const suspicions = { ...next.suspicions, [side]: { ...suspicion, accepted } };
      next = { ...next, suspicions };
    }
    return lookAgain(next);
  });
  set(life, link, decided, `an operator says ${accepted}`);
}

function assertSame({ source, target }: World): void {
  if (source.content !== target.content) throw new Violation('quiet, and the sides differ (L2)');
  if (source.content > MORTAL && source.clock === 1) throw new Violation('a key outlives its expiry (L4)');
}
