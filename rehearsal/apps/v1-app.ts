import { type Base, MINUTE, SECOND } from '../fill/base.ts';
import { candidateDocument, matchText } from '../fill/documents.ts';
import { randomOf } from '../fill/random.ts';
import { candidate } from '../fill/v1.ts';
import { metricsOf } from './metrics.ts';
import { ownedBy } from './ownership.ts';
import { createPool, type Pool } from './pool.ts';
import { sessionRequests } from './sessions.ts';
import type { Tally } from './tally.ts';
import type { Follow, Target } from './traffic.ts';

/** SuperSmartMatch V1: sessions, match cache, candidates, metrics. One call is one request. */
export function v1App(base: Base, keys: number, tally: Tally, follow: Follow): () => Promise<void> {
  const random = randomOf(base.seed, 'v1-app');
  const users = sessionRequests(base, keys, tally, follow);
  const documents = documentRequests(base, keys, tally, follow);
  const metrics = metricsOf('v1', random, tally, follow);
  return () => {
    const dice = random.below(100);
    if (dice < 62) return users();
    return dice < 88 ? documents() : metrics();
  };
}

function documentRequests(base: Base, keys: number, tally: Tally, follow: Follow): () => Promise<void> {
  const random = randomOf(base.seed, 'v1-documents');
  const names = Array.from({ length: 150 }, (_, at) => `match:live:${at}`);
  const cache = createPool(
    names.map((key): Target => ({ home: 'v1', key, spelling: 'legacy' })),
    random.below,
  );
  const owned = [...ownedBy('v1', 'candidate', keys), ...ownedBy('contested', 'candidate', keys)];
  const candidates = createPool(
    owned.map((index): Target => candidate(base, index)),
    random.below,
  );
  const store = async (pool: Pool<Target>, content: (n: number) => string, lifeMs: number | null) => {
    const target = pool.take();
    if (target === undefined) return;
    const n = tally.number();
    const outcome = await follow({ n, target, operation: { do: 'set', content: content(n), lifeMs } });
    if (outcome !== 'unknown') pool.give(target);
  };
  return () =>
    random.below(100) < 54
      ? store(cache, (n) => matchText(random, `job-${n}`, n), 5 * SECOND + random.below(MINUTE))
      : store(candidates, (n) => candidateDocument(random, `job-${n}`, n), null);
}
