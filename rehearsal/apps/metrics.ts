import type { Home } from '../entry.ts';
import type { Random } from '../fill/random.ts';
import { createPool } from './pool.ts';
import type { Tally } from './tally.ts';
import type { Follow, SendOutcome, AppWrite } from './traffic.ts';

const KEYS_PER_SHAPE = 6;
const LONGEST_LIST = 50;

/**
 * Counters, response times and error lists of one service. None of these commands may happen twice: a repeated INCR or
 * LPUSH would change the result.
 */
export function metricsOf(home: Home, random: Random, tally: Tally, follow: Follow): () => Promise<void> {
  const names = ['requests', 'response_times', 'errors'].flatMap((shape) =>
    Array.from({ length: KEYS_PER_SHAPE }, (_, at) => ({ shape, key: `metrics:live:${shape}:${at}` })),
  );
  const pool = createPool(names, random.below);
  return async () => {
    const name = pool.take();
    if (name === undefined) return;
    const target = { home, key: name.key, spelling: 'legacy' } as const;
    const write = (operation: AppWrite['operation'], n = tally.number()) => follow({ n, target, operation });
    const n = tally.number();
    let outcome: SendOutcome;
    if (name.shape === 'requests') outcome = await write({ do: 'incr' }, n);
    else if (name.shape === 'response_times')
      outcome = await write(
        { do: 'zadd', member: `{"n":${n},"ms":${random.below(90)}.0}`, score: n + 0.5 },
        n,
      );
    else {
      outcome = await write({ do: 'lpush', item: `{"n":${n},"erreur":"délai dépassé"}` }, n);
      if (outcome === 'done') outcome = await write({ do: 'ltrim', keep: LONGEST_LIST });
    }
    if (outcome !== 'unknown') pool.give(name);
  };
}
