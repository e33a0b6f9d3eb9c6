import type { AppEntry, Home, AppValue } from '../entry.ts';
import { type Base, DAY, HOUR, md5, SECOND } from './base.ts';
import { embeddingEntry, nextenSettings, rqJob } from './nexten.ts';
import { candidate, feedback, match, session } from './v1.ts';
import { type Random, randomOf } from './random.ts';
import { compressed, resultText } from './texts.ts';

type Family = { readonly share: number; readonly make: (base: Base, index: number) => AppEntry };

/** The share of each family, in parts of a hundred. V2's own keys come on top. */
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

/** @returns how many keys a family has when there are `keys` in all */
export function countOf(family: keyof typeof FAMILIES, keys: number): number {
  return Math.max(30, Math.ceil((keys * FAMILIES[family].share) / 100));
}

/** Makes every key that exists before the first app writes. The same base gives the same keys. */
export function* seedEntries(base: Base, keys: number): Generator<AppEntry> {
  yield* v1Settings();
  yield* nextenSettings(base);
  for (const name of Object.keys(FAMILIES) as (keyof typeof FAMILIES)[]) {
    const { make } = FAMILIES[name];
    for (let index = 0; index < countOf(name, keys); index++) yield make(base, index);
  }
}

const WEIGHTS: Readonly<Record<string, string>> = {
  junior: '{"skills":0.25,"experience":0.20,"location":0.20,"contract":0.15,"salary":0.15,"date":0.05}',
  confirmed: '{"skills":0.30,"location":0.20,"salary":0.20,"contract":0.15,"experience":0.10,"date":0.05}',
  senior: '{"skills":0.35,"salary":0.25,"location":0.15,"contract":0.10,"experience":0.05,"date":0.10}',
};

/** The weights of V1's algorithms, as JSON and as hashes. */
function v1Settings(): AppEntry[] {
  const settings = Object.entries(WEIGHTS).map(([level, content]): AppEntry => {
    return { ...PLAIN, key: `config:algorithms:${level}`, value: { type: 'string', content } };
  });
  const fields = [
    ['proximite', '0.25'],
    ['compétences', '0.15'],
    ['flexibilite', '.15'],
  ] as const;
  return [...settings, { ...PLAIN, key: 'weights:ponderation_base', value: { type: 'hash', fields } }];
}

const PLAIN = { home: 'v1', spelling: 'legacy', expiresAt: null } as const;

/** Metrics in all the types that the services use: zset, list, counter, hash, set and plain JSON. */
function metric(home: Home, base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, `metric-${home}`, index);
  const [shape, value] = shapeOf(base, random, index);
  return {
    home,
    key: `metrics:${shape}:${index}`,
    spelling: 'legacy',
    value,
    expiresAt: index % 2 === 0 ? null : base.now + DAY + random.below(DAY),
  };
}

function shapeOf(base: Base, random: Random, index: number): [string, AppValue] {
  const several = (make: (at: number) => string) =>
    Array.from({ length: 3 + random.below(20) }, (_, at) => make(at));
  const point = (at: number) => `{"at":${base.now - at * SECOND},"ms":${random.below(90)}.5,"ok":true}`;
  switch (index % 6) {
    case 0:
      return [
        'response_times',
        { type: 'zset', members: several(point).map((member, at) => [member, base.now / 1_000 - at - 0.25]) },
      ];
    case 1:
      return ['errors', { type: 'list', items: several((at) => `{"erreur":"délai dépassé","n":${at}}`) }];
    case 2:
      return ['requests', { type: 'string', content: String(random.below(1_000_000)) }];
    case 3:
      return [
        'by_algorithm',
        { type: 'hash', fields: several(String).map((at) => [`algorithme_${at}`, `${random.below(100)}.0`]) },
      ];
    case 4:
      return ['users', { type: 'set', members: several((at) => `utilisateur-${at}`) }];
    default:
      return [
        'daily',
        { type: 'string', content: `{"p95":${random.below(100)}.0,"total":${random.below(9_999)}}` },
      ];
  }
}

/** V2's own data. Only V2 may change it, and in the rehearsal V2 does not. */
export function native(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'native', index);
  const id = md5(base, 'native', index);
  const own = (key: string, value: AppValue, lifeMs: number | null): AppEntry => ({
    home: 'v2',
    key,
    spelling: 'native',
    value,
    expiresAt: lifeMs === null ? null : base.now + lifeMs + random.below(HOUR),
  });
  switch (index % 4) {
    case 0:
      // This key has the same prefix as V1's match cache, but it belongs to V2.
      return own(`match:result:${id}`, { type: 'string', content: resultText(random, 'native', 0) }, HOUR);
    case 1:
      return own(`ssm_v2:${id.slice(0, 16)}`, { type: 'string', content: compressed(random) }, HOUR);
    case 2:
      return own(
        `algo:select:${id}`,
        { type: 'string', content: '{"algorithm":"nexten","offers":1.0}' },
        DAY,
      );
    default:
      return own(
        `supersmartmatch_v2:metrics:${index}`,
        { type: 'zset', members: [[`{"n":${index}}`, 1.5]] },
        null,
      );
  }
}
