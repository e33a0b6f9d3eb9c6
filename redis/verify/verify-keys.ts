import type { Redis } from 'ioredis';
import type { Link } from '../../domain/plan/plan.ts';
import { chunksOf } from '../client/key-bytes.ts';
import { makeKeyComparer, type Difference } from './compare.ts';

export type KeyDifference = {
  readonly dataset: string;
  /** Source key. It must stay in this process, because keys hold personal data. */
  readonly key: string;
  readonly what: Difference;
};

/** `equal`: number of distinct keys that are equal. */
export type KeysVerified = { readonly equal: number; readonly different: readonly KeyDifference[] };

/** Keys of one batch. The apps wait for this verification, so it is larger than a batch of the verifier. */
const FENCED_BATCH_KEYS = 256;

/**
 * Reads the given source keys once on both sides. Writes must be fenced: only then is a difference final. Each distinct
 * key counts once. A key that is absent on both sides counts as equal. A quarantined value counts as different, waived
 * or not, because the caller knows which ones it has waived.
 *
 * @param between called between two batches; an error that it throws ends the verification
 */
export async function verifyKeys(
  link: Link,
  source: Redis,
  target: Redis,
  sourceKeys: readonly string[],
  between: () => void = () => undefined,
): Promise<KeysVerified> {
  const pairs = makeKeyComparer(link, source, target);
  const keys = [...new Set(sourceKeys)];
  const different: KeyDifference[] = [];
  for (const [i, batch] of chunksOf(keys, FENCED_BATCH_KEYS).entries()) {
    if (i > 0) between();
    for (const { dataset, key, what } of await pairs.look(batch)) {
      if (what !== null) different.push({ dataset: dataset.name, key, what });
    }
  }
  return { equal: keys.length - different.length, different };
}
