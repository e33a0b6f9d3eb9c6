import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, OUR_PREFIX } from '../../domain/keyspace.ts';
import type { Outcome } from '../../domain/phase.ts';
import type { Home } from '../entry.ts';
import { shown } from '../names.ts';
import { scanKeys } from './actual.ts';
import { type Finding, type Section, sectionOf, STORE_NAMES } from './finding.ts';
import type { History } from './history.ts';
import { nameOn } from './side.ts';

/** Keys that no app and no fill ever wrote, and keys of ours that were left behind (L6). */
export async function strangers(
  stores: Readonly<Record<Home, Redis>>,
  histories: readonly History[],
  outcome: Outcome,
): Promise<Section[]> {
  const unknown: Finding[] = [];
  const left: Finding[] = [];
  let looked = 0;
  for (const store of ['v1', 'nexten', 'v2'] as const) {
    const known = knownNames(store, histories);
    for await (const key of scanKeys(stores[store])) {
      looked++;
      if (key === AUTHORITY_KEY || known.has(key) || isRuleOfFencedApp(key, store, outcome)) continue;
      const ours = key.startsWith(OUR_PREFIX);
      const finding = {
        where: STORE_NAMES[store],
        // Our own names hold no personal data, and say at once which part forgot them.
        key: ours ? key : shown(store, key),
        what: ours ? 'left behind' : 'written by nobody',
        writes: 0,
      };
      (ours ? left : unknown).push(finding);
    }
  }
  const sections = [sectionOf('keys that nobody wrote', looked, unknown)];
  // After a rollback the ledger may stay: it is what the next attempt begins with.
  return outcome === 'rolled-back'
    ? sections
    : [...sections, sectionOf('keys of ours left behind', looked, left)];
}

/** Apps of the side that no longer serves stay fenced; their old rules stay there, so that somebody can put them back. */
function isRuleOfFencedApp(key: string, store: Home, outcome: Outcome): boolean {
  const fenced = outcome === 'completed' ? store !== 'v2' : outcome === 'rolled-back' && store === 'v2';
  return fenced && /^jday:[^:]+:fence:/.test(key);
}

function knownNames(store: Home, histories: readonly History[]): Set<string> {
  const there = histories.filter(({ home }) => store === 'v2' || home === store);
  return new Set(there.map((history) => nameOn(store === 'v2' ? 'target' : 'source', history)));
}
