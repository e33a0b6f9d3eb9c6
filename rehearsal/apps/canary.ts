import { type Base, MINUTE } from '../fill/base.ts';
import { candidateDocument, jobList } from '../fill/documents.ts';
import { randomOf } from '../fill/random.ts';
import { candidate, session } from '../fill/v1.ts';
import type { Operation } from './operation.ts';
import { ownedBy } from './ownership.ts';
import { createPool, type Pool } from './pool.ts';
import type { Known } from './route.ts';
import type { Tally } from './tally.ts';
import type { Outcome, Target, Traffic } from './traffic.ts';

const MOST_BORN = 20;
const V2_ONLY = '"culture_fit":0.80,';

/**
 * A few users of V2 before the cutover. The canary writes in V2's form and only where a copy stands already. Refused
 * while V1 serves, or once the authority record moved on without naming V2, it goes home: its users are V1's again.
 * It comes back only when V2 serves. One request at a time, so that its transactions can share a connection.
 */
export function canaryApp(
  base: Base,
  keys: number,
  tally: Tally,
  traffic: Traffic,
  known: () => Known,
): () => Promise<void> {
  const random = randomOf(base.seed, 'canary');
  const invited = invitation(known);
  const attempt = async (target: Target, operation: (n: number) => Operation) => {
    const n = tally.number();
    const outcome = await traffic.once('target', { n, target, operation: operation(n) });
    if (outcome === 'refused') invited.refuse();
    return outcome;
  };
  const sessions = ownedBy('canary', 'session', keys).map((at): Target => session(base, at));
  const owned = [...ownedBy('canary', 'candidate', keys), ...ownedBy('contested', 'candidate', keys)];
  const candidates = owned.map((at): Target => candidate(base, at));
  const pools = {
    sessions: createPool(sessions, random.below),
    candidates: createPool(candidates, random.below),
  };
  const document = (n: number) => candidateDocument(random, `v2-${n}`, n, V2_ONLY);
  const fields = (n: number) =>
    [
      ['{{jobs}}', jobList(random, `v2-${n}`)],
      ['culture_fit', '0.80'],
      ['seq', String(n)],
    ] as const;
  let born = 0;
  return async () => {
    if (!invited.still()) return;
    if (random.below(100) < 40) return updateSession(pools.sessions, attempt, fields);
    const outcome = await updateCandidate(pools.candidates, attempt, document);
    // Right behind a write that found its copy: now the sync is known to run, so V1 will hear of a new one too.
    if (outcome !== 'done' || born >= MOST_BORN) return;
    const fresh: Target = { home: 'v1', key: `candidate:canary:${++born}`, spelling: 'legacy' };
    await attempt(fresh, (n) => ({ do: 'set', content: document(n), lifeMs: null }));
  };
}

type Attempt = (target: Target, operation: (n: number) => Operation) => Promise<Outcome>;

async function updateSession(
  pool: Pool<Target>,
  attempt: Attempt,
  fields: (n: number) => readonly (readonly [string, string])[],
): Promise<void> {
  const target = pool.take();
  if (target === undefined) return;
  let outcome = await attempt(target, (n) => ({ do: 'hset', fields: fields(n), onlyIfThere: true }));
  if (outcome === 'done') outcome = await attempt(target, () => ({ do: 'expire', lifeMs: 30 * MINUTE }));
  if (outcome !== 'unknown') pool.give(target);
}

async function updateCandidate(
  pool: Pool<Target>,
  attempt: Attempt,
  document: (n: number) => string,
): Promise<Outcome> {
  const target = pool.take();
  if (target === undefined) return 'not-there';
  const outcome = await attempt(target, (n) => ({
    do: 'set',
    content: document(n),
    lifeMs: null,
    onlyIfThere: true,
  }));
  if (outcome !== 'unknown') pool.give(target);
  return outcome;
}

function invitation(known: () => Known) {
  let first: string | null = null;
  let home = false;
  return {
    refuse: () => {
      home = true;
    },
    still: (): boolean => {
      const { side, epoch } = known();
      if (side === 'target') home = false;
      else if (first !== null && epoch !== first) home = true;
      first ??= epoch;
      return !home;
    },
  };
}
