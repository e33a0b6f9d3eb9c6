import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../domain/side.ts';
import { keyBytes } from '../key-bytes.ts';
import { loadScripts } from '../scripts/index.ts';
import type { Attempt } from '../sync/attempt.ts';
import { type BornLive, contextOf, giveBack, settleEpoch } from '../sync/changes.ts';
import { knowsFieldTtls } from '../typed/payloads.ts';
import type { End } from './end.ts';
import { reconcileLarge } from './reconcile-large.ts';

const IDLE_MS = 10;
/** Shadows of so many attempts before are cleared; a killed one leaves at most one on each side. */
const ATTEMPTS_BACK = 16;

/**
 * Large keys go one at a time, on connections of their own: each costs its server many small commands, and holds
 * nobody else up (L14). They wait in this attempt's hands: pending says so, and a drain waits for them.
 */
export async function largeLane(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const ends = { source: await endOf(attempt, 'source'), target: await endOf(attempt, 'target') };
  const { keyspace, shard, token } = attempt;
  const before = Array.from({ length: ATTEMPTS_BACK }, (_, i) => keyspace.shadow(shard.name, token - 1 - i));
  for (const side of ['source', 'target'] as const) await ends[side].redis.unlink(...before.map(keyBytes));
  while (!signal.aborted) {
    const one = attempt.large.take(Date.now());
    if (!one) {
      await delay(IDLE_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const context = { ...contextOf(attempt, bornLive), ends, shadow: keyspace.shadow(shard.name, token) };
    const fate = await reconcileLarge(context, one.work, one.manner);
    if (fate.kind === 'moved') attempt.large.again(one, Date.now());
    else {
      attempt.large.done(one);
      giveBack(attempt, one.work, one.manner, fate);
      await settleEpoch(attempt, [fate], signal);
    }
  }
}

async function endOf(attempt: Attempt, side: Side): Promise<End> {
  const redis = attempt.lines[side].large;
  return { side, redis, run: await loadScripts(redis), fieldTtls: await knowsFieldTtls(redis) };
}
