import type { Entry } from '../entry.ts';
import type { Base } from './base.ts';
import { metric } from './metrics.ts';
import { native } from './natives.ts';
import { embeddingEntry, nextenSettings, rqJob } from './nexten.ts';
import { v1Settings } from './settings.ts';
import { candidate, feedback, match, session } from './v1.ts';

type Family = { readonly share: number; readonly make: (base: Base, index: number) => Entry };

/** Parts of a hundred. V2's own come on top. */
const FAMILIES = {
  match: { share: 44, make: match },
  candidate: { share: 20, make: candidate },
  session: { share: 13, make: session },
  feedback: { share: 6, make: feedback },
  metricV1: { share: 3, make: (base, index) => metric('v1', base, index) },
  embedding: { share: 9, make: embeddingEntry },
  rq: { share: 3, make: rqJob },
  metricNexten: { share: 2, make: (base, index) => metric('nexten', base, index) },
  native: { share: 1, make: native },
} satisfies Record<string, Family>;

/** How many keys of a family there are when there are `keys` in all. */
export function countOf(family: keyof typeof FAMILIES, keys: number): number {
  return Math.max(30, Math.ceil((keys * FAMILIES[family].share) / 100));
}

/** Every key of the rehearsal before the first app wrote; the same again for the same base. */
export function* seedEntries(base: Base, keys: number): Generator<Entry> {
  yield* v1Settings();
  yield* nextenSettings(base);
  for (const name of Object.keys(FAMILIES) as (keyof typeof FAMILIES)[]) {
    const { make } = FAMILIES[name];
    for (let index = 0; index < countOf(name, keys); index++) yield make(base, index);
  }
}
