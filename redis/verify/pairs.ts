import type { Redis } from 'ioredis';
import { makeKeyMap, type KeyMap } from '../../domain/key-map.ts';
import type { Link } from '../../domain/link.ts';
import type { Dataset } from '../../domain/plan.ts';
import { lensOf } from '../../domain/transform/lens.ts';
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

export type Pairs = {
  readonly keyMap: KeyMap;
  /** Reads both copies of each source key and compares them. */
  look(sourceKeys: readonly string[]): Promise<readonly Pair[]>;
};

export function makePairs(link: Link, source: Redis, target: Redis): Pairs {
  const keyMap = makeKeyMap(link.datasets);
  return {
    keyMap,
    async look(sourceKeys) {
      const owned = sourceKeys.map((key) => ({ key, dataset: ownerOf(keyMap, key) }));
      const targetKeys = owned.map(({ key, dataset }) => keyMap.counterpart(dataset, 'source', key));
      const [here, there] = await Promise.all([readTyped(source, sourceKeys), readTyped(target, targetKeys)]);
      return owned.map(({ key, dataset }, i) => {
        const copies = { source: here[i] ?? null, target: there[i] ?? null };
        const what = difference(lensOf(dataset.transform), copies.source, copies.target);
        return { dataset, key, ...copies, what };
      });
    },
  };
}

/** A key that nobody owns cannot be verified: an error of the caller, never a silent pass (L7). */
function ownerOf(keyMap: KeyMap, key: string): Dataset {
  const dataset = keyMap.owner('source', key);
  if (dataset === null) throw new Error('a key was given for verification that no dataset of the link owns');
  return dataset;
}
