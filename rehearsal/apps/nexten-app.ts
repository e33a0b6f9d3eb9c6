import { deflateSync } from 'node:zlib';
import { type Base, MINUTE, SECOND, md5 } from '../fill/base.ts';
import { embedding, pickle } from '../fill/texts.ts';
import { DIMENSIONS } from '../fill/nexten.ts';
import { randomOf, type Random } from '../fill/random.ts';
import { metricsOf } from './metrics.ts';
import { createPool } from './pool.ts';
import type { Tally } from './tally.ts';
import type { Follow, Target } from './traffic.ts';

/**
 * The Nexten matcher: it writes embeddings, RQ results with binary fields, flags and metrics. One call is one request.
 */
export function nextenApp(base: Base, tally: Tally, follow: Follow): () => Promise<void> {
  const random = randomOf(base.seed, 'nexten-app');
  const embeddings = embeddingRequests(random, tally, follow);
  const jobs = jobRequests(base, random, tally, follow);
  const flags = flagRequests(random, tally, follow);
  const metrics = metricsOf('nexten', random, tally, follow);
  return () => {
    const dice = random.below(100);
    if (dice < 45) return embeddings(dice);
    if (dice < 72) return jobs(dice);
    return dice < 75 ? flags() : metrics();
  };
}

function embeddingRequests(random: Random, tally: Tally, follow: Follow) {
  const pool = createPool(
    Array.from({ length: 120 }, (_, at) => at).map((at) => named(`embedding:live_${at}`)),
    random.below,
  );
  return async (dice: number): Promise<void> => {
    const target = pool.take();
    if (target === undefined) return;
    const content = embedding(random, DIMENSIONS);
    const lifeMs = 10 * SECOND + random.below(5 * MINUTE);
    const operation = dice < 6 ? ({ do: 'del' } as const) : ({ do: 'set', content, lifeMs } as const);
    const outcome = await follow({ n: tally.number(), target, operation });
    if (outcome !== 'unknown') pool.give(target);
  };
}

function jobRequests(base: Base, random: Random, tally: Tally, follow: Follow) {
  const finished = createPool<Target>([], random.below);
  const run = async () => {
    const n = tally.number();
    const target = named(`rq:job:${md5(base, 'live', n)}`);
    const fields = [
      ['status', 'finished'],
      ['data', deflateSync(pickle(random, 120))],
      ['seq', String(n)],
    ] as const;
    if ((await follow({ n, target, operation: { do: 'hset', fields } })) !== 'done') return;
    const expire = { do: 'expire', lifeMs: 3 * SECOND + random.below(2 * MINUTE) } as const;
    if ((await follow({ n: tally.number(), target, operation: expire })) === 'done') finished.give(target);
  };
  return async (dice: number): Promise<void> => {
    const target = dice < 53 ? finished.take() : undefined;
    if (target === undefined) return run();
    await follow({ n: tally.number(), target, operation: { do: 'del' } });
  };
}

function flagRequests(random: Random, tally: Tally, follow: Follow) {
  const pool = createPool(['feature:live_ab_test', 'flags:live_traffic'].map(named), random.below);
  return async (): Promise<void> => {
    const target = pool.take();
    if (target === undefined) return;
    const n = tally.number();
    const content = `{"enabled":true,"v2_traffic_percentage":${random.below(100)}.0,"seq":${n}}`;
    const outcome = await follow({ n, target, operation: { do: 'set', content, lifeMs: null } });
    if (outcome !== 'unknown') pool.give(target);
  };
}

function named(key: string): Target {
  return { home: 'nexten', key, spelling: 'legacy' };
}
