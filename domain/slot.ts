import { bucketOf, BUCKETS } from './bucket.ts';

/** Slots of a Redis Cluster; the CRC-16 of our buckets is the cluster's own. */
export const SLOTS = BUCKETS;

/** The slot of a key (byte string), by the cluster's rule: of what stands in its first braces, if anything does. */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  return bucketOf(close > open + 1 ? key.slice(open + 1, close) : key);
}

/** A short text for each slot that hashes to it: in braces it makes a key of ours stand there. */
export function tagOf(slot: number): string {
  tags ??= findTags();
  return tags[slot] as string;
}

let tags: readonly string[] | null = null;

/** By trial, 20 ms once: some 160 000 texts until the last slot has one. */
function findTags(): readonly string[] {
  const found: string[] = [];
  for (let n = 0, missing = SLOTS; missing > 0; n++) {
    const tag = n.toString(36);
    const slot = bucketOf(tag);
    if (found[slot] !== undefined) continue;
    found[slot] = tag;
    missing--;
  }
  return found;
}

/** A key of ours that stands in the slot of a tag; without one it stays as it is. */
export function tagged(key: string, tag: string): string {
  return tag === '' ? key : `${key}:{${tag}}`;
}
