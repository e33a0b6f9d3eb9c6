import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { connectTo } from './connection.ts';
import { type Form, keyOf, ttlOf, valueOf } from './data-set.ts';

const BATCH = 1_000;

/** What a server holds when a run begins. */
export type Seed = { readonly keys: number; readonly form: Form };

/** Fills a server once for each seed and keeps its file: later servers load that, all with the same expiries. */
export class Seeds {
  readonly #folder: string;
  readonly #baseMs = Date.now();
  readonly #files = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Puts the file of the seed into the folder of a server that is about to start. */
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
