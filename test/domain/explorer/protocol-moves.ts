import { appMoves } from './app-moves.ts';
import { attemptMoves } from './attempt-moves.ts';
import { type Bounds, PROTOCOL, type Protocol } from './bounds.ts';
import { type Exploration, explore } from './explore.ts';
import { assertAgreement, beginMoves, switchMoves } from './switch-moves.ts';
import { beginning, spell, type World } from './world.ts';
import { writeMoves } from './write-moves.ts';

const MOST = 3_000_000;

/** Explores every interleaving of apps, clocks, feeds, attempts and switches within the bounds. */
export function exploreProtocol(bounds: Bounds, protocol: Protocol = PROTOCOL): Exploration {
  const moves = (world: World, move: (name: string, next: World) => void) => {
    assertAgreement(world);
    appMoves(world, bounds, move);
    beginMoves(world, bounds, move);
    for (const one of world.attempts) {
      if (one.leases === 2) attemptMoves(world, one, bounds, protocol, move);
      writeMoves(world, one, bounds, protocol, move);
    }
    switchMoves(world, bounds, protocol, move);
  };
  return explore(beginning(bounds.expiry, bounds.empty), moves, spell, MOST);
}
