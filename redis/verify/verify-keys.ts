import type { Redis } from 'ioredis';
import type { Link } from '../../domain/link.ts';
import { chunksOf } from '../chunks.ts';
import type { What } from './compare.ts';
import { makePairs } from './pairs.ts';

export type KeyDifference = {
  readonly dataset: string;
  /** Source key: stays in this process (L12). */
  readonly key: string;
  readonly what: What;
};

export type KeysVerified = { readonly equal: number; readonly different: readonly KeyDifference[] };

const BATCH_KEYS = 256;

/**
 * One look at the given source keys on both sides, for the time when writes are fenced: what differs now, differs.
 * Each distinct key counts once; absent on both sides is equal. A quarantined value is different here, waived or
 * not: the caller knows which it has waived.
 *
 * @param between called between two batches; what it throws ends the look
 */
export async function verifyKeys(
  link: Link,
  source: Redis,
  target: Redis,
  sourceKeys: readonly string[],
  between: () => void = () => undefined,
): Promise<KeysVerified> {
  const pairs = makePairs(link, source, target);
  const keys = [...new Set(sourceKeys)];
  const different: KeyDifference[] = [];
  for (const [i, batch] of chunksOf(keys, BATCH_KEYS).entries()) {
    if (i > 0) between();
    for (const { dataset, key, what } of await pairs.look(batch)) {
      if (what !== null) different.push({ dataset: dataset.name, key, what });
    }
  }
  return { equal: keys.length - different.length, different };
}
