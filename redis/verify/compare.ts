import type { Lens, TransformableValue } from '../../domain/transform/value.ts';
import { canonical, PackedState, type Present, sameParts, type TypedState } from './typed-state.ts';
import { inOneForm, LargeState } from './large-state.ts';
import type { Redis } from 'ioredis';
import { type KeyMap, makeKeyMap } from '../../domain/keys/key-map.ts';
import type { Dataset, Link } from '../../domain/plan/plan.ts';
import { lensOf } from '../../domain/transform/lens.ts';
import { asBuffer, chunksOf } from '../client/key-bytes.ts';
import { readTyped } from './typed-read.ts';

/** How the two copies of a key differ. */
export type Difference = 'missing on target' | 'missing on source' | 'type' | 'value' | 'expiry';

/**
 * Compares the two copies of one key in V2 form. It applies `up` to both copies and compares the results byte for byte,
 * and the expiries to the millisecond. A value that `up` refuses equals nothing; it belongs in quarantine.
 *
 * It cannot see two faults. A document that V2 holds in the source's spelling counts as equal, because V2's apps may
 * write that spelling too. A lens that is wrong in the same way for both copies hides its fault. The golden vectors
 * (test/domain/transform/golden.test.ts) cover these.
 *
 * @param lens null = the dataset is copied byte for byte
 * @param source @param target both in the same form: see `inOneForm`
 */
export function difference(lens: Lens | null, source: TypedState, target: TypedState): Difference | null {
  if (source === null) return target === null ? null : 'missing on source';
  if (target === null) return 'missing on target';
  if (source.type !== target.type) return 'type';
  if (!sameContent(lens, source, target)) return 'value';
  return source.expireAtMs === target.expireAtMs ? null : 'expiry';
}

function sameContent(lens: Lens | null, source: Present, target: Present): boolean {
  if (source instanceof PackedState && target instanceof PackedState) return samePacked(lens, source, target);
  return source instanceof LargeState && target instanceof LargeState && source.sameContent(target);
}

function samePacked(lens: Lens | null, source: PackedState, target: PackedState): boolean {
  if (lens === null || (source.type !== 'string' && source.type !== 'hash'))
    // Copies with different bytes are still equal if only the order of their elements differs.
    return source.packed.equals(target.packed) || sameParts(source.parts, target.parts);
  const up = lifted(lens, source);
  if (up === null) return false;
  // Most target copies are exactly what the sync wrote, in its order. Then we need not sort them or transform the
  // target.
  if (sameParts(up, target.elements)) return true;
  const there = lifted(lens, target);
  return there !== null && sameParts(canonical(source.type, up), canonical(source.type, there));
}

/** Returns the elements in V2 form; `null` = the transform refuses the value. */
function lifted(lens: Lens, state: PackedState): readonly Buffer[] | null {
  const result = lens.up(valueOf(state));
  if (!result.ok) return null;
  const { value } = result;
  return value.kind === 'string' ? [asBuffer(value.bytes)] : value.fields.flat().map(asBuffer);
}

function valueOf({ type, elements }: PackedState): TransformableValue {
  if (type === 'string') return { kind: 'string', bytes: elements[0]! };
  const fields: (readonly [Uint8Array, Uint8Array])[] = [];
  for (let i = 0; i < elements.length; i += 2) fields.push([elements[i]!, elements[i + 1]!]);
  return { kind: 'hash', fields };
}

/** One key, read on both sides at nearly the same time. */
export type ComparedKey = {
  readonly dataset: Dataset;
  /** Name on the source, a byte string. */
  readonly key: string;
  /** Name on the target, a byte string. */
  readonly targetKey: string;
  readonly source: TypedState;
  readonly target: TypedState;
  /** `null` = equal, or absent on both sides. */
  readonly what: Difference | null;
};

/**
 * Keys of one call, which takes half a millisecond of server time. A server reads about four such calls at once from a
 * connection and runs them in one go. That is 2 ms, the longest that an app may wait.
 */
export const BATCH_KEYS = 64;

export type KeyComparer = {
  readonly keyMap: KeyMap;
  /**
   * Reads both copies of each source key and compares them. The results are in the order of the keys.
   *
   * @throws Error when no dataset of the link owns a key
   */
  look(sourceKeys: readonly string[]): Promise<readonly ComparedKey[]>;
};

/** @param answered called for each answer of a server */
export function makeKeyComparer(
  link: Link,
  source: Redis,
  target: Redis,
  answered?: () => void,
): KeyComparer {
  const keyMap = makeKeyMap(link.datasets);
  const lookAt = async (sourceKeys: readonly string[]): Promise<readonly ComparedKey[]> => {
    const datasets = sourceKeys.map((key) => ownerOf(keyMap, key));
    const lenses = datasets.map(({ transform }) => lensOf(transform));
    const targetKeys = sourceKeys.map((key, i) => keyMap.counterpart(datasets[i] as Dataset, 'source', key));
    const [here, there] = await Promise.all([
      readTyped(source, sourceKeys, lenses, answered),
      readTyped(target, targetKeys, lenses, answered),
    ]);
    const pairs: ComparedKey[] = [];
    for (const [i, key] of sourceKeys.entries()) {
      const lens = lenses[i] ?? null;
      let [one, other] = [here[i] ?? null, there[i] ?? null];
      if (one instanceof LargeState || other instanceof LargeState)
        [one, other] = await inOneForm(lens, one, other);
      const what = difference(lens, one, other);
      const targetKey = targetKeys[i] as string;
      pairs.push({ dataset: datasets[i] as Dataset, key, targetKey, source: one, target: other, what });
    }
    return pairs;
  };
  // All batches are sent at once, so the servers read one batch while we compare another.
  const look = async (keys: readonly string[]) =>
    (await Promise.all(chunksOf(keys, BATCH_KEYS).map(lookAt))).flat();
  return { keyMap, look };
}

/** A key without an owner cannot be verified. It is an error of the caller, and must never count as verified. */
function ownerOf(keyMap: KeyMap, key: string): Dataset {
  const dataset = keyMap.owner('source', key);
  if (dataset === null) throw new Error('a key was given for verification that no dataset of the link owns');
  return dataset;
}
