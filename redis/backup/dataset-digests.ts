import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { contentDigest, lengthOf } from './content.ts';
import type { Copy } from './copies.ts';

/** RDB types of sets and hashes as hashtables: the only ones whose bytes differ after a mere reload. */
const UNORDERED = new Set([2, 4]);

export type DatasetDigest = { readonly name: string; readonly keys: number; readonly digest: string };

/** Counts the keys of a backup by dataset and digests key, content and expiry of each, whatever their order. */
export class DatasetDigests {
  readonly #datasets = new Map<string, { keys: number; readonly digest: Buffer }>();

  async add(name: string, scratch: Redis, key: Buffer, copy: Copy): Promise<void> {
    const body = copy.body ?? Buffer.alloc(0);
    const content = UNORDERED.has(body[0] ?? 0) ? ((await contentDigest(scratch, key)) ?? body) : body;
    const hash = createHash('sha256').update(lengthOf(key)).update(key);
    const digest = hash.update(`${copy.expiresAt};`).update(content).digest();
    const dataset = this.#datasets.get(name) ?? { keys: 0, digest: Buffer.alloc(32) };
    dataset.keys++;
    for (const [index, byte] of digest.entries()) dataset.digest[index] = (dataset.digest[index] ?? 0) ^ byte;
    this.#datasets.set(name, dataset);
  }

  list(): DatasetDigest[] {
    return [...this.#datasets]
      .map(([name, { keys, digest }]) => ({ name, keys, digest: digest.toString('hex') }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}
