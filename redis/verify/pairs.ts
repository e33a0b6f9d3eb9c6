import type { Redis } from 'ioredis';
import { makeKeyMap, type KeyMap } from '../../domain/key-map.ts';
import type { Link } from '../../domain/link.ts';
import type { Dataset } from '../../domain/plan.ts';
import { lensOf } from '../../domain/transform/lens.ts';
import { chunksOf } from '../chunks.ts';
import { difference, type What } from './compare.ts';
import { readTyped } from './typed-read.ts';
import type { TypedState } from './typed-state.ts';

/** One key, looked at on both sides at (nearly) the same time. */
export type Pair = {
  readonly dataset: Dataset;
  /** Name on the source, a byte string. */
  readonly key: string;
  readonly source: TypedState;
  readonly target: TypedState;
  /** `null` = equal, or absent on both sides. */
  readonly what: What | null;
};

/**
 * Half a millisecond of server time. A server reads some four such calls at once from a connection and does them in one go:
 * 2 ms, which is what an app may wait (L14).
 */
export const BATCH_KEYS = 64;

export type Pairs = {
  readonly keyMap: KeyMap;
  /** Reads both copies of each source key and compares them. */
  look(sourceKeys: readonly string[]): Promise<readonly Pair[]>;
};

export function makePairs(link: Link, source: Redis, target: Redis): Pairs {
  const keyMap = makeKeyMap(link.datasets);
  const lookAt = async (sourceKeys: readonly string[]): Promise<readonly Pair[]> => {
    const datasets = sourceKeys.map((key) => ownerOf(keyMap, key));
    const targetKeys = sourceKeys.map((key, i) => keyMap.counterpart(datasets[i] as Dataset, 'source', key));
    const [here, there] = await Promise.all([readTyped(source, sourceKeys), readTyped(target, targetKeys)]);
    return sourceKeys.map((key, i) => {
      const [dataset, one, other] = [datasets[i] as Dataset, here[i] ?? null, there[i] ?? null];
      const what = difference(lensOf(dataset.transform), one, other);
      return { dataset, key, source: one, target: other, what };
    });
  };
  // All are on their way at once: servers read one batch while another is compared.
  const look = async (keys: readonly string[]) =>
    (await Promise.all(chunksOf(keys, BATCH_KEYS).map(lookAt))).flat();
  return { keyMap, look };
}

/** A key that nobody owns cannot be verified: an error of the caller, never a silent pass (L7). */
function ownerOf(keyMap: KeyMap, key: string): Dataset {
  const dataset = keyMap.owner('source', key);
  if (dataset === null) throw new Error('a key was given for verification that no dataset of the link owns');
  return dataset;
}
