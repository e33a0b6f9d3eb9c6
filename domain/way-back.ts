import { freshSyncs, isUnknown, sum } from './fresh.ts';
import type { Progress } from './progress.ts';
import { hasFlipped, type RunState } from './run-state.ts';
import type { LinkStatus } from './status.ts';

/** A drain carries at least 20 keys a ms (design §11): what waits prolongs the way back by so much. */
const KEYS_PER_MS = 20;

/** What going back would mean at the last look: the operator's first question at 3 a.m. */
export function wayBackOf(state: RunState): Progress['rollback'] {
  const windowEndsAt = state.windowEndsAtMs === null ? null : new Date(state.windowEndsAtMs).toISOString();
  if (state.sealed) return { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt };
  // Before the sync carries anything V1 has lost nothing to V2, and there is nothing to put back.
  if (!state.observation)
    return { lossless: !hasFlipped(state), estimateMs: null, writesAtRisk: null, windowEndsAt };
  const { snapshot } = state.observation;
  const syncs = freshSyncs(snapshot, state.plan, snapshot.at);
  if (isUnknown(syncs)) return { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt };
  const writesAtRisk = sum(syncs.map((sync) => sync.pending.toSource));
  const switchMs = state.cutover?.fencedMs ?? state.predictedFenceMs;
  const estimateMs = switchMs === null ? null : Math.round(switchMs + writesAtRisk / KEYS_PER_MS);
  return { lossless: syncs.every((sync) => bringsBack(sync, state)), estimateMs, writesAtRisk, windowEndsAt };
}

/** Whether V2's writes reach V1: nothing stops them, and after the flip they are on time (L7: and known to be). */
function bringsBack(sync: LinkStatus, state: RunState): boolean {
  if (sync.breaker !== null) return false;
  if (!hasFlipped(state)) return true;
  const lag = sync.lagMs.toSource.p99;
  return state.plan.mode === 'bidirectional' && lag !== null && lag <= state.plan.triggers.lagP99Ms;
}
