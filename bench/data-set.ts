import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { connectTo } from './connection.ts';

/**
 * The data of the bench, a third of each kind:
 *
 * - JSON documents of 1 KB that expire after a day,
 * - hashes of five fields that expire after two hours,
 * - texts of 200 bytes without expiry.
 *
 * A key holds the same bytes in every run. `valueOf` writes each value in the form of V1 or of V2 by itself, so the
 * data does not depend on the transform that is measured.
 */
type Kind = 'document' | 'hash' | 'text';

type Value =
  | { readonly kind: 'document' | 'text'; readonly text: string }
  | { readonly kind: 'hash'; readonly fields: Readonly<Record<string, string>> };

/** The names in a value: V1's `offers`, or V2's `jobs`. */
type Form = 'offers' | 'jobs';

export const KEY_PREFIX = 'match:';
const KINDS = ['document', 'hash', 'text'] as const;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

function kindOf(n: number): Kind {
  return KINDS[n % KINDS.length] as Kind;
}

/** The name contains the kind, so that a plain reader knows which command reads the key. */
export function keyOf(n: number): string {
  return `${KEY_PREFIX}${kindOf(n)}:${n}`;
}

function ttlOf(kind: Kind): number {
  return { document: DAY_MS, hash: 2 * HOUR_MS, text: 0 }[kind];
}

/** @param version each version gives another value of the same size */
export function valueOf(n: number, form: Form, version = 0): Value {
  const kind = kindOf(n);
  if (kind === 'text') return { kind, text: noise(n + version, 200) };
  const [list, id] = form === 'offers' ? ['offers', 'offer_id'] : ['jobs', 'job_id'];
  if (kind === 'hash') {
    const fields = {
      [id]: String(n),
      score: '94.5',
      title: noise(n, 24),
      city: 'Paris',
      seen: String(version),
    };
    return { kind, fields };
  }
  const elements = [0, 1, 2].map((i) => ({
    id: n * 3 + i,
    title: noise(n + i, 40),
    text: noise(n - i, 200),
  }));
  return { kind, text: JSON.stringify({ candidate: n, version, [list]: elements, note: noise(n, 60) }) };
}

/** Returns pseudo-random text that does not compress to nothing. The same seed gives the same text. */
function noise(seed: number, length: number): string {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  let text = '';
  while (text.length < length) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, length);
}

const BATCH = 1_000;

/** What a server holds when a run begins. */
export type Seed = { readonly keys: number; readonly form: Form };

/**
 * Fills a server once for each seed and keeps its dump file. Later servers load this file, so the expiries are the same
 * for all of them.
 */
export class Seeds {
  readonly #folder: string;
  readonly #baseMs = Date.now();
  readonly #files = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Puts the dump file of the seed into the folder of a server that is about to start. */
  async placeInto(dir: string, seed: Seed): Promise<void> {
    const name = `${seed.form}-${seed.keys}`;
    let file = this.#files.get(name);
    if (!file) this.#files.set(name, (file = this.#make(join(this.#folder, name), seed)));
    mkdirSync(dir, { recursive: true });
    copyFileSync(await file, join(dir, 'dump.rdb'));
  }

  async #make(dir: string, seed: Seed): Promise<string> {
    const server = await startRedis({ dir });
    try {
      await this.#fill(server, seed);
    } finally {
      await server.stop();
    }
    return join(dir, 'dump.rdb');
  }

  async #fill(server: RedisServer, { keys, form }: Seed): Promise<void> {
    const redis = await connectTo(server.url());
    for (let from = 0; from < keys; from += BATCH) {
      const pipeline = redis.pipeline();
      for (let n = from; n < Math.min(keys, from + BATCH); n++) {
        const [key, value] = [keyOf(n), valueOf(n, form)];
        if (value.kind === 'hash') pipeline.hset(key, value.fields);
        else pipeline.set(key, value.text);
        if (ttlOf(value.kind) > 0) pipeline.pexpireat(key, this.#baseMs + ttlOf(value.kind));
      }
      await pipeline.exec();
    }
    await redis.save();
    redis.disconnect();
  }
}
