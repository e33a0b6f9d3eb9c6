import type { Entry, Home, Value } from '../entry.ts';
import { type Base, DAY, SECOND } from './base.ts';
import { type Random, randomOf } from './random.ts';

/** Metrics in all the shapes that the services keep: zset, list, counter, hash, set and plain JSON. */
export function metric(home: Home, base: Base, index: number): Entry {
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

function shapeOf(base: Base, random: Random, index: number): [string, Value] {
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
