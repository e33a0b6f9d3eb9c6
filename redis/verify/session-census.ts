import type { Redis } from 'ioredis';
import type { Dated, VerifyStatus } from '../../domain/gates/status.ts';
import { makeRateLimiter } from '../client/rate-limiter.ts';
import { MAX_EVIDENCE } from './census.ts';
import type { VerifyBounds } from './pace.ts';
import { Sweep, type SweepOptions } from './sweep.ts';

/**
 * The census counts the sessions of a link by passes of its own. It reads the datasets of role `sessions` and no other
 * key, on connections of its own, so it waits neither for a whole pass nor for a large value that such a pass reads.
 *
 * A pass over S sessions takes at most:
 *
 * - `WALK_MS` on each side for the names of all keys, once for each pattern. Redis has no index of names, so the server
 *   has to walk over all of them. Up to five million names that takes no longer, because the walk goes faster where
 *   there are more. Beyond that it takes 2 µs a name.
 * - the time that S keys take at half of the bounds of verification
 * - three retry windows at the end, in which sessions that change settle
 *
 * A brake on our work makes it longer, as it makes everything longer.
 */

/** Connections that only the census uses, and the bytes that they have read. */
export type CensusLines = Pick<SweepOptions, 'source' | 'target'> & Pick<VerifyBounds, 'bytesRead'>;

/** Time of a walk over all names of a side, ms. */
const WALK_MS = 10_000;
/**
 * The slowest and the fastest walk, names a second. A server walks over some two million names a second (1.1 s of its
 * CPU time for two million, measured on two cores). So a walk takes 5 to 25 % of the time of a server.
 */
const LEAST_WALK = 100_000;
const MOST_WALK = 500_000;

/** Makes the sweep whose passes are the censuses. */
export function makeSessionSweep(
  options: SweepOptions,
  { source, target }: { readonly source: Redis; readonly target: Redis },
  { share = () => 1 }: VerifyBounds,
): Sweep {
  let names = 0;
  // A rate of 0 would be no limit, and during a pause of our work the share is 0.
  const byName = makeRateLimiter(() => Math.max(1, walkRate(names) * share()));
  return new Sweep({
    ...options,
    source,
    target,
    only: 'sessions',
    walk: (walked, ofNames, signal) => {
      names = ofNames;
      return byName(walked, signal);
    },
    before: censusBefore(options.before),
  });
}

function walkRate(names: number): number {
  return Math.min(MOST_WALK, Math.max(LEAST_WALK, (1_000 * names) / WALK_MS));
}

/**
 * Returns the status of the whole passes with the sessions that the census has counted. A session that a whole pass of
 * this attempt has found lost counts at once, whether the census has come to it or not.
 */
export function withCensus(whole: VerifyStatus, counted: VerifyStatus): VerifyStatus {
  const { passes, pass } = counted;
  const known = new Set(whole.evidence.map(({ key }) => key));
  const more = counted.evidence.filter(({ key }) => !known.has(key));
  return {
    ...whole,
    sessions: pass ? worse(counted.sessions, whole) : whole.sessions,
    census: { passes, pass },
    evidence: [...whole.evidence, ...more].slice(0, MAX_EVIDENCE),
  };
}

function worse({ live, migrated, lost }: VerifyStatus['sessions'], whole: VerifyStatus) {
  const found = whole.pass && !whole.pass.remembered ? whole.sessions.lost : 0;
  const most = Math.max(lost, found);
  return { live, migrated: Math.max(0, Math.min(migrated, live - most)), lost: most };
}

/** Returns what the previous attempt has counted, as the status of its census alone; `null` = it has counted nothing. */
function censusBefore(before: Dated<VerifyStatus> | null | undefined): Dated<VerifyStatus> | null {
  if (!before?.census?.pass) return null;
  const { link, ageMs, census, sessions } = before;
  const { migrated, lost } = sessions;
  return {
    link,
    ageMs,
    ...census,
    clean: null,
    settled: migrated + lost,
    equal: migrated,
    pending: 0,
    hot: 0,
    diverged: lost,
    quarantined: 0,
    sessions,
    cache: { source: 0, target: 0 },
    evidence: [],
  };
}
