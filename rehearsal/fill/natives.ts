import type { Entry, Value } from '../entry.ts';
import { type Base, DAY, HOUR, md5 } from './base.ts';
import { compressed, resultText } from './documents.ts';
import { randomOf } from './random.ts';

/** V2's own data. Nobody but V2 may change a byte of it, and in the rehearsal V2 does not. */
export function native(base: Base, index: number): Entry {
  const random = randomOf(base.seed, 'native', index);
  const id = md5(base, 'native', index);
  const own = (key: string, value: Value, lifeMs: number | null): Entry => ({
    home: 'v2',
    key,
    spelling: 'native',
    value,
    expiresAt: lifeMs === null ? null : base.now + lifeMs + random.below(HOUR),
  });
  switch (index % 4) {
    case 0:
      // Shares its prefix with V1's match cache, and is not ours.
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
