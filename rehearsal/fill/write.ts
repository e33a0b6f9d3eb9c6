import type { ChainableCommander, Redis } from 'ioredis';
import type { AppEntry, Home } from '../entry.ts';
import { render, renderText } from '../form.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { embedding } from './texts.ts';
import { randomOf } from './random.ts';

const BATCH = 500;

/**
 * Writes entries into the stores that they belong to: V2's own in V2's form, all others in V1's form.
 *
 * @returns how many keys each store got
 */
export async function writeEntries(
  stores: Readonly<Record<Home, Redis>>,
  entries: Iterable<AppEntry>,
): Promise<Readonly<Record<Home, number>>> {
  const written = { v1: 0, nexten: 0, v2: 0 };
  const batches = { v1: stores.v1.pipeline(), nexten: stores.nexten.pipeline(), v2: stores.v2.pipeline() };
  for (const entry of entries) {
    addTo(batches[entry.home], entry);
    written[entry.home]++;
    if (batches[entry.home].length < BATCH) continue;
    await send(batches[entry.home]);
    batches[entry.home] = stores[entry.home].pipeline();
  }
  for (const batch of Object.values(batches)) await send(batch);
  return written;
}

function addTo(batch: ChainableCommander, { home, key, spelling, value, expiresAt }: AppEntry): void {
  const look = { form: home === 'v2' ? 'target' : 'source', spelling } as const;
  const name = Buffer.from(key, 'latin1');
  switch (value.type) {
    case 'string':
      batch.set(name, render(value.content, look));
      break;
    case 'hash':
      batch.hset(
        name,
        new Map(value.fields.map(([field, content]) => [renderText(field, look), render(content, look)])),
      );
      break;
    case 'zset':
      batch.zadd(name, ...value.members.flatMap(([member, score]) => [String(score), member]));
      break;
    case 'set':
      batch.sadd(name, ...value.members);
      break;
    case 'list':
      batch.rpush(name, ...value.items.map((item) => render(item, look)));
      break;
  }
  if (expiresAt !== null) batch.pexpireat(name, expiresAt);
}

async function send(batch: ChainableCommander): Promise<void> {
  const replies = (await batch.exec()) ?? [];
  const failed = replies.find(([error]) => error !== null);
  if (failed?.[0]) throw failed[0];
}

/** Writes Nexten's model directory: binary weights, a nested cache, a configuration. */
export function writeModels(directory: string, seed: number): void {
  mkdirSync(join(directory, 'embeddings', 'cache'), { recursive: true });
  writeFileSync(join(directory, 'config.json'), '{"modèle":"minilm","dimensions":384,"seuil":0.30}\n');
  for (const name of ['weights.bin', 'embeddings/index.npy', 'embeddings/cache/embeddings_cache.pkl'])
    writeFileSync(join(directory, name), embedding(randomOf(seed, name), 20_000));
}
