import { countOf } from '../fill/data-set.ts';

/** Only the `contested` keys are written by two apps. On those keys the conflict rule decides. */
type Owner = 'v1' | 'canary' | 'contested';

/**
 * The number of keys of each family that an owner writes, counted from the first index on. Apps write none of the other
 * keys.
 */
const SHARES = [
  ['v1', { session: 120, candidate: 120 }],
  ['canary', { session: 20, candidate: 40 }],
  ['contested', { session: 0, candidate: 6 }],
] as const;

/**
 * @returns the indices of the filled keys that an app writes: at most half of a family. The other half stays as it was
 *   filled
 */
export function ownedBy(owner: Owner, family: 'session' | 'candidate', keys: number): number[] {
  const room = Math.floor(countOf(family, keys) / 2);
  const wanted = SHARES.reduce((sum, [, share]) => sum + share[family], 0);
  const scale = Math.min(1, room / wanted);
  let from = 0;
  for (const [name, share] of SHARES) {
    const count = Math.floor(share[family] * scale);
    if (name === owner) return Array.from({ length: count }, (_, at) => from + at);
    from += count;
  }
  return [];
}

/** @returns the indices that no app ever writes */
export function resting(family: 'session' | 'candidate', keys: number): number[] {
  const count = countOf(family, keys);
  const half = Math.ceil(count / 2);
  return Array.from({ length: count - half }, (_, at) => half + at);
}
