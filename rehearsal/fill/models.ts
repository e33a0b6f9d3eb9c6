import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { embedding } from './documents.ts';
import { randomOf } from './random.ts';

/** Nexten's model directory: binary weights, a nested cache, a configuration. */
export function writeModels(directory: string, seed: number): void {
  mkdirSync(join(directory, 'embeddings', 'cache'), { recursive: true });
  writeFileSync(join(directory, 'config.json'), '{"modèle":"minilm","dimensions":384,"seuil":0.30}\n');
  for (const name of ['weights.bin', 'embeddings/index.npy', 'embeddings/cache/embeddings_cache.pkl'])
    writeFileSync(join(directory, name), embedding(randomOf(seed, name), 20_000));
}
