import { Context } from '@temporalio/activity';
import { setTimeout as delay } from 'node:timers/promises';
import { isNews, UNSEEN } from '../domain/gates/concerns.ts';
import { STORE_DOUBTS } from '../domain/run/failure.ts';
import { progressOf } from '../domain/run/progress-of.ts';
import { afterLook, judgedPlan } from '../domain/run/run-state.ts';
import type { Snapshot } from '../domain/gates/status.ts';
import { type LookBeat, watchStep, type Observation } from '../domain/gates/watch.ts';
import type { IdentityProof } from '../redis/client/connection.ts';
import { StoreUnreachable } from '../redis/client/unreachable.ts';
import { openStores, type Stores } from '../redis/client/stores.ts';
import { isLineLost } from '../redis/replication/store/failure-kinds.ts';
import { keepFence } from '../redis/fence/keep-fence.ts';
import { fencingPurpose } from '../redis/state/fencing-token.ts';
import { blindSnapshot, takeSnapshot } from '../redis/cutover/snapshot-status.ts';
import type { ObserveInput } from '../workflows/activities.ts';
import { beating } from './beating.ts';
import type { Dependencies, Recorder } from './dependencies.ts';
import { toFailure } from './failures.ts';
import { proofFor } from './held-stores.ts';
import { raisedReporter } from './keep-fences.ts';

const TICK_MS = 500;
/** Longest wait for a connection or for an answer, ms. A store that hangs must count as one that does not answer. */
const PATIENCE_MS = 4_000;
/**
 * From this attempt on a store that does not answer is reported to the workflow. Six attempts take some seconds of
 * retries (workflows/proxies.ts), or half a minute when the store hangs.
 */
const TOLD_ATTEMPTS = 6;
/**
 * Longest gap between two reads that still counts as continuous, ms. Nothing is known of a longer gap, so it counts
 * neither for a hold of green gates nor for the suspicion of a trigger.
 */
const UNSEEN_MS = 5_000;

/** For each run, when this process last read its stores: ms of `performance.now()`, which never jumps. */
type LastLooks = Map<string, number>;

/**
 * The reads happen in this activity, not in the workflow. A read a second for a week would add 600 000 events to the
 * history.
 */
export function observeActivity(dependencies: Dependencies) {
  const lastLooks: LastLooks = new Map();
  return async (input: ObserveInput): Promise<Observation> => {
    const looking = await openLooking(dependencies, input);
    try {
      // The heartbeats go on while a store is awaited. Otherwise a store that hangs would end every attempt by
      // heartbeat timeout, and the workflow would never hear why.
      return await beating((tell) => watch(input, looking, { ...dependencies, lastLooks, tell }));
    } finally {
      looking.close();
    }
  };
}

type Looking = {
  /**
   * @returns open stores; or `doubt`, a sentence that says why they are not the claimed ones. The next read tries again
   */
  stores(): Promise<Stores | { readonly doubt: string }>;
  close(): void;
};

async function openLooking(dependencies: Dependencies, input: ObserveInput): Promise<Looking> {
  const prove: IdentityProof = await proofFor(dependencies, input);
  const purpose = fencingPurpose(input.plan.migration, 'watch');
  let open: Stores | null = null;
  return {
    stores: async () => {
      try {
        const patience = { connectTimeout: PATIENCE_MS, commandTimeout: PATIENCE_MS };
        open ??= await openStores(input.plan, dependencies.environment, purpose, patience, prove);
        return open;
      } catch (error) {
        if (error instanceof Error && STORE_DOUBTS.includes(error.name)) return { doubt: error.message };
        throw error;
      }
    },
    close: () => {
      open?.close();
      open = null;
    },
  };
}

type Watching = {
  readonly record: Recorder;
  readonly lastLooks: LastLooks;
  readonly tell: (shown: () => object) => void;
};

async function watch(
  input: ObserveInput,
  looking: Looking,
  { record, lastLooks, tell }: Watching,
): Promise<Observation> {
  const context = Context.current();
  const beganMs = performance.now();
  const { plan: written, run, suspected = [], quietMs = 0, told: state, ...watchInput } = input;
  const plan = judgedPlan({ ...state, plan: written });
  const told = raisedReporter(record, plan.stores, (line) => context.log.warn(line));
  const over = () => performance.now() - beganMs >= input.forMs || context.cancellationSignal.aborted;
  let seen: Observation | null = null;
  for (;;) {
    const { snapshot, stores } = await look(input, looking);
    const nowMs = performance.now();
    seen = watchStep(seen ?? watchInput, snapshot, plan, watchInput, sinceLast(lastLooks, run, nowMs));
    tell(beatOf(seen, nowMs));
    if (state) record.progress(progressOf(afterLook({ ...state, plan }, seen, Date.now()), Date.now()));
    // A single read keeps no fence: it may run while a switch is under way. Only a watch raises the fence again.
    const watches = input.forMs > 0 && !context.cancellationSignal.aborted;
    if (stores && snapshot.authority && watches) told(await keepFence(plan, stores, snapshot.authority.side));
    if (seen.goalReached || seen.triggered !== null) return seen;
    const news = nowMs - beganMs >= quietMs && isNews(snapshot, suspected);
    if (news) return { ...seen, news };
    if (over()) return seen;
    await delay(Math.min(TICK_MS, Math.max(1, beganMs + input.forMs - performance.now())));
  }
}

/**
 * The content of the heartbeats of a look: the gates in short for the Temporal UI, and the whole observation for
 * `jday progress`.
 *
 * @param readAtMs when the stores were read, by `performance.now()`
 */
function beatOf(observation: Observation, readAtMs: number): () => LookBeat {
  const at = observation.gates.map((gate) => `${gate.name} ${gate.verdict}`).join(', ');
  return () => ({ at, observation, ageMs: Math.round(performance.now() - readAtMs) });
}

/**
 * @returns ms since the last read of this run in this process, in this watch or an earlier one; 0 = another process did
 *   the last read, or it is too long ago
 */
function sinceLast(lastLooks: LastLooks, run: string, nowMs: number): number {
  const lastMs = lastLooks.get(run) ?? -Infinity;
  lastLooks.set(run, nowMs);
  return nowMs - lastMs > UNSEEN_MS ? 0 : nowMs - lastMs;
}

type Looked = {
  readonly snapshot: Snapshot;
  /** `null`: the stores could not be read. */
  readonly stores: Stores | null;
};

/**
 * Reads the stores once. When a store does not answer, the attempt fails. Then another worker may make the next
 * attempt, and retries add nothing to the history. After some attempts the result is a blind snapshot instead:
 * otherwise the last good state would still count as current. Once the workflow knows of it, and for a single read, the
 * attempts go on until the store answers.
 */
async function look(input: ObserveInput, looking: Looking): Promise<Looked> {
  const { plan, forMs, suspected = [] } = input;
  try {
    const stores = await looking.stores();
    if ('doubt' in stores) return { snapshot: blindSnapshot(plan, stores), stores: null };
    return { snapshot: await takeSnapshot(plan, stores), stores };
  } catch (error) {
    const unseen = unansweredIn(error);
    const told = forMs === 0 || suspected.includes(UNSEEN);
    if (unseen === null || told || Context.current().info.attempt < TOLD_ATTEMPTS) throw error;
    return { snapshot: blindSnapshot(plan, { unseen }), stores: null };
  }
}

/**
 * @returns a sentence without addresses when a store did not answer; `null` = another failure. Temporal shows another
 *   failure as the last failure of the pending activity
 */
function unansweredIn(error: unknown): string | null {
  if (error instanceof StoreUnreachable) return toFailure(error).message;
  const tooLate = error instanceof Error && error.message === 'Command timed out';
  return tooLate || isLineLost(error) ? 'a store does not answer' : null;
}
