import type { Redis } from 'ioredis';
import { keyBytes } from '../key-bytes.ts';
import type { Pair } from './pairs.ts';

/**
 * What one look at a key says before time is taken into account.
 * `gone`: absent on both sides · `expired`: one side has expired and the other is about to, servers' clocks differ ·
 * `foreign`: a key of V2 that was never on the source · `quarantined`: its value could not be transformed (L11).
 */
export type Outcome = 'equal' | 'gone' | 'expired' | 'foreign' | 'quarantined' | 'different';

export type OutcomeContext = {
  readonly target: Redis;
  /** Key of the hash of quarantined values on the target. */
  readonly quarantine: string;
  /** For source keys that are absent on the source: is that what both sides agreed on while V2 had the key? */
  readonly agreedAbsentOnSource: (sourceKeys: readonly string[]) => Promise<readonly boolean[]>;
};

/** How far the clocks of two servers may be apart when an expiry explains an absence. */
const CLOCK_GRACE_MS = 1_000;

export async function outcomesOf(
  pairs: readonly Pair[],
  nowMs: number,
  context: OutcomeContext,
): Promise<readonly Outcome[]> {
  const outcomes = pairs.map((pair) => atFirstSight(pair, nowMs));
  if (!outcomes.includes('different')) return outcomes;
  await explain('foreign', (pair) => pair.what === 'missing on source', context.agreedAbsentOnSource);
  await explain(
    'quarantined',
    () => true,
    (keys) => inQuarantine(context, keys),
  );
  return outcomes;

  async function explain(
    name: Outcome,
    applies: (pair: Pair) => boolean,
    ask: (keys: readonly string[]) => Promise<readonly boolean[]>,
  ): Promise<void> {
    const asked = [...pairs.entries()].filter(([i, pair]) => outcomes[i] === 'different' && applies(pair));
    if (asked.length === 0) return;
    const answers = await ask(asked.map(([, pair]) => pair.key));
    for (const [i, [index]] of asked.entries()) if (answers[i]) outcomes[index] = name;
  }
}

function atFirstSight({ what, source, target }: Pair, nowMs: number): Outcome {
  if (what === null) return source === null ? 'gone' : 'equal';
  const only = source === null ? target : target === null ? source : null;
  const expireAtMs = only?.expireAtMs ?? Number.POSITIVE_INFINITY;
  return expireAtMs <= nowMs + CLOCK_GRACE_MS ? 'expired' : 'different';
}

async function inQuarantine(context: OutcomeContext, keys: readonly string[]): Promise<readonly boolean[]> {
  const pipeline = context.target.pipeline();
  for (const key of keys) pipeline.hexists(context.quarantine, keyBytes(key));
  return ((await pipeline.exec()) ?? []).map(([error, found]) => {
    if (error) throw error;
    return found === 1;
  });
}
