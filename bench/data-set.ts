/**
 * The data of the bench: a third JSON documents of 1 KB with a day to live, a third hashes of five fields with two
 * hours, a third texts of 200 B that stay. The same key holds the same bytes in every run. Each kind of value says
 * in its own words what it is on V2: the end check must not ask the transform that is measured.
 */
export type Kind = 'document' | 'hash' | 'text';

export type Value =
  | { readonly kind: 'document' | 'text'; readonly text: string }
  | { readonly kind: 'hash'; readonly fields: Readonly<Record<string, string>> };

/** Which spelling: V1's `offers`, or V2's `jobs`. */
export type Form = 'offers' | 'jobs';

export const KEY_PREFIX = 'match:';
const KINDS = ['document', 'hash', 'text'] as const;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export function kindOf(n: number): Kind {
  return KINDS[n % KINDS.length] as Kind;
}

/** The kind stands in the name, so that a plain reader knows which command reads it. */
export function keyOf(n: number): string {
  return `${KEY_PREFIX}${kindOf(n)}:${n}`;
}

export function ttlOf(kind: Kind): number {
  return { document: DAY_MS, hash: 2 * HOUR_MS, text: 0 }[kind];
}

/** `version` makes another value of the same size. */
export function valueOf(n: number, form: Form, version = 0): Value {
  const kind = kindOf(n);
  if (kind === 'text') return { kind, text: noise(n + version, 200) };
  const [list, id] = form === 'offers' ? ['offers', 'offer_id'] : ['jobs', 'job_id'];
  if (kind === 'hash') {
    const fields = {
      [id]: String(n),
      score: '94.5',
      title: noise(n, 24),
      city: 'Paris',
      seen: String(version),
    };
    return { kind, fields };
  }
  const elements = [0, 1, 2].map((i) => ({
    id: n * 3 + i,
    title: noise(n + i, 40),
    text: noise(n - i, 200),
  }));
  return { kind, text: JSON.stringify({ candidate: n, version, [list]: elements, note: noise(n, 60) }) };
}

/** Letters that do not compress to nothing and are the same each time: a linear congruence. */
function noise(seed: number, length: number): string {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  let text = '';
  while (text.length < length) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, length);
}
