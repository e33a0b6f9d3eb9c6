import type { Redis } from 'ioredis';
import { assertAtRest } from '../client/topology.ts';
import { nodesOf } from '../client/cluster-client.ts';
import { byteString, keyBytes } from '../client/key-bytes.ts';

type Page = readonly [cursor: Buffer, keys: readonly Buffer[]];

const COUNT = 256;
/** Names that one call walks over when only those that match come back. They take about 0.3 ms. */
const WALK_COUNT = 512;

/** Waits for an answer of a store. */
type Asked = <T>(answer: Promise<T>) => Promise<T>;

/**
 * Yields all keys of a database (byte strings) in batches. A key may come twice. A key that exists during the whole
 * scan comes at least once. SCAN runs without MATCH: each pattern would scan the whole keyspace again, and the caller
 * finds the owner of a key anyway.
 *
 * For a cluster it scans all masters. The scan could miss a key that moves to another node meanwhile. So no slot may
 * be moving when the scan begins and when it ends.
 *
 * @throws ClusterChanged
 */
export async function* scanKeys(redis: Redis, asked: Asked): AsyncGenerator<readonly string[]> {
  await asked(assertAtRest(redis));
  for (const node of nodesOf(redis)) yield* scanServer(node.redis, ['COUNT', COUNT], asked);
  await asked(assertAtRest(redis));
}

/**
 * Yields the keys of a database that match one of the patterns (byte strings), in batches that may be empty. A key may
 * come several times. The server walks over all names once for each pattern, but sends only those that match. For few
 * keys among many this costs a fraction of `scanKeys`.
 *
 * @param pay called before each page with the number of names that the server walks over
 * @throws ClusterChanged
 */
export async function* scanMatching(
  redis: Redis,
  patterns: readonly string[],
  { asked, pay }: { readonly asked: Asked; readonly pay: (names: number) => Promise<unknown> },
): AsyncGenerator<readonly string[]> {
  await asked(assertAtRest(redis));
  for (const node of nodesOf(redis)) {
    for (const pattern of new Set(patterns)) {
      const args = ['MATCH', keyBytes(pattern), 'COUNT', WALK_COUNT];
      for await (const keys of scanServer(node.redis, args, asked)) {
        await pay(WALK_COUNT);
        yield keys;
      }
    }
  }
  await asked(assertAtRest(redis));
}

async function* scanServer(
  redis: Redis,
  args: readonly (string | number | Buffer)[],
  asked: Asked,
): AsyncGenerator<readonly string[]> {
  const page = (cursor: string) => redis.callBuffer('SCAN', [cursor, ...args]) as Promise<Page>;
  let next: Promise<Page> | null = page('0');
  while (next !== null) {
    const [cursor, keys]: Page = await asked(next);
    // The server reads the next page while the caller compares this one. If it fails, the next `await` throws.
    next = String(cursor) === '0' ? null : page(String(cursor));
    next?.catch(() => {});
    yield keys.map(byteString);
  }
}

/**
 * Remembers which keys a pass has met, so that each key counts once. SCAN may show a key twice while the table grows.
 * It stores 64-bit hashes in open addressing: about 16 bytes a key, where a Set of strings needs 100. At a million
 * keys the odds that two of them collide are 3·10⁻⁸. `salt` differs for each pass, so that a collision does not come
 * back.
 */
export type SeenKeys = {
  /** Adds a key (byte string). Returns true when it was not there before. */
  add(key: string): boolean;
};

const FIRST_SLOTS = 1024;

export function makeSeenKeys(salt: number): SeenKeys {
  let slots = new Uint32Array(2 * FIRST_SLOTS);
  let size = 0;

  return {
    add(key) {
      if (2 * size >= slots.length / 2) grow();
      const [low, high] = hash64(key, salt);
      const at = place(slots, low, high);
      if (slots[at] !== 0) return false;
      slots[at] = low;
      slots[at + 1] = high;
      size++;
      return true;
    },
  };

  function grow(): void {
    const old = slots;
    slots = new Uint32Array(2 * old.length);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] === 0) continue;
      const at = place(slots, old[i]!, old[i + 1]!);
      slots[at] = old[i]!;
      slots[at + 1] = old[i + 1]!;
    }
  }
}

/** Returns the index of a hash, or of the free slot for it. A free slot has a low half of 0, which no `hash64` has. */
function place(slots: Uint32Array, low: number, high: number): number {
  const mask = slots.length / 2 - 1;
  let at = high & mask;
  while (slots[2 * at] !== 0 && (slots[2 * at] !== low || slots[2 * at + 1] !== high)) at = (at + 1) & mask;
  return 2 * at;
}

/** Two FNV-1a hashes with different start and multiplier. The finaliser of murmur3 mixes each of them at the end. */
function hash64(key: string, salt: number): [low: number, high: number] {
  let one = 0x811c9dc5 ^ salt;
  let other = 0x9e3779b9 ^ Math.imul(salt, 0x85ebca6b);
  for (let i = 0; i < key.length; i++) {
    const byte = key.charCodeAt(i);
    one = Math.imul(one ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x5bd1e995);
    other ^= other >>> 13;
  }
  return [mixed(one) || 1, mixed(other)];
}

function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
