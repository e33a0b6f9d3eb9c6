import { type Base, MINUTE } from '../fill/base.ts';
import { candidateDocument, jobList } from '../fill/texts.ts';
import { randomOf } from '../fill/random.ts';
import { candidate, session } from '../fill/v1.ts';
import type { Operation } from './record.ts';
import { ownedBy } from './ownership.ts';
import { createPool, type Pool } from './pool.ts';
import type { KnownRoute } from './route.ts';
import type { Tally } from './tally.ts';
import type { SendOutcome, Target, AppTraffic } from './traffic.ts';

const MOST_BORN = 20;
const V2_ONLY = '"culture_fit":0.80,';

/**
 * A few users who work on V2 before the cutover. The canary writes in V2's form, and only to keys whose copy is already
 * on V2. It stops in two cases: a write is refused while V1 serves, or the authority record has changed and still does
 * not name V2. Then its users are V1's users again. It starts again only when V2 serves. It sends one request at a
 * time, so that its transactions can share one connection.
 */
export function canaryApp(
  base: Base,
  keys: number,
  tally: Tally,
  traffic: AppTraffic,
  known: () => KnownRoute,
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
    // A new key is created only right after a write that found its copy on V2. That shows that the sync runs, so the
    // new key will reach V1 too.
    if (outcome !== 'done' || born >= MOST_BORN) return;
    const fresh: Target = { home: 'v1', key: `candidate:canary:${++born}`, spelling: 'legacy' };
    await attempt(fresh, (n) => ({ do: 'set', content: document(n), lifeMs: null }));
  };
}

type Attempt = (target: Target, operation: (n: number) => Operation) => Promise<SendOutcome>;

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
): Promise<SendOutcome> {
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

function invitation(known: () => KnownRoute) {
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
