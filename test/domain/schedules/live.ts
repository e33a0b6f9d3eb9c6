import type { Protocol } from '../explorer/bounds.ts';
import { Violation } from '../explorer/explore.ts';
import { comeBackOld, evict, flush, keep, rename } from './faults.ts';
import {
  apps,
  begins,
  clocks,
  leases,
  LINKS,
  type Life,
  moveAll,
  moveKey,
  newLife,
  switches,
  syncs,
} from './life.ts';
import { seeded } from '../../support/seeded.ts';
import { settle } from './settle.ts';

const STEPS = 120;

/** Runs one random schedule to its end. Returns the law that it broke, with the trace, or `null`. */
export function live(seed: number, protocol?: Protocol): { law: string; trace: readonly string[] } | null {
  const life = newLife(seeded(seed), protocol);
  try {
    for (let step = 0; step < STEPS; step++) next(life);
    settle(life);
    return null;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { law: error.message, trace: life.trace };
  }
}

/** Makes one step: mostly of apps and syncs, sometimes of clocks, attempts and switches, seldom a fault. */
function next(life: Life): void {
  const { random } = life;
  const link = random.pick(LINKS);
  const what = random.below(100);
  if (what < 1) return random.pick([flush, evict, comeBackOld])(life, link);
  if (what < 2) return keep(life, link);
  if (what < 4) return rename(life, link);
  if (what < 6) return passClock(life, link);
  if (what < 7) return void moveAll(life, [link], begins);
  const running = (life.links[link]?.[0]?.attempts.length ?? 0) > 0;
  if (what < 12) return void moveAll(life, [link], running ? leases : begins);
  if (what < 14) return void moveAll(life, LINKS, switches);
  if (what < 15) return void moveAll(life, [link], switches, 'the source learns');
  const key = random.below(life.links[link]?.length ?? 0);
  moveKey(life, link, key, what < 28 ? apps : syncs);
}

/** Both links share the clock of the target's server. */
function passClock(life: Life, link: number): void {
  if (life.random.chance(0.5)) moveAll(life, [link], clocks, 'clock of source');
  else moveAll(life, LINKS, clocks, 'clock of target');
}
