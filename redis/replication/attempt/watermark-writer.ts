import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import { LeaseLost } from '../store/failure-kinds.ts';
import type { Attempt } from './attempt.ts';

/**
 * Writes a watermark (the newest stamp) on both sides, together with what this attempt knows of both servers. This
 * happens once a second. It also happens at once when the feed shows a flush and when an operator decides on a
 * suspicion, so that the next attempt knows it too.
 *
 * A side that has lost our lease gets no record. That side has lost data, and a new record there would claim that it
 * holds everything up to this watermark.
 *
 * The order is target, source, target. The second write on the target records that the source has this watermark.
 * Without it a source that was restored to the state of two seconds ago would still look complete.
 *
 * The calls run one after another. An operator's decision is written beside the watermark of that second. If both
 * writes ran at once, the slower one could leave the older watermark on one side, while the other side already knows
 * that this side has the newer one. Then the side would look as if it had lost data.
 */
export function writeWatermarks(attempt: Attempt): Promise<void> {
  const written = attempt.watermarkWrite.then(() => write(attempt));
  attempt.watermarkWrite = written.catch(() => undefined);
  return written;
}

async function write(attempt: Attempt): Promise<void> {
  const { breaker, guards, keyspace, shard, reached } = attempt;
  // A server that is paused for a cutover blocks our write, and everything behind it on the connection waits too.
  if (attempt.control.paused) return;
  const mark = attempt.stamp();
  // The target comes first: it refuses a stale attempt, whose suspicions are out of date, before that attempt can write
  // its record on the source.
  for (const side of ['target', 'source', 'target'] as const) {
    if (breaker.isGone(side)) continue;
    const text = JSON.stringify(breaker.record(mark));
    for (const { tag } of attempt.ports[side].nodes)
      await guards[side]('SET', tagged(keyspace.witness(shard.name), tag), text).catch((error: unknown) =>
        heedLoss(attempt, side, error),
      );
    if (!breaker.isGone(side)) breaker.marked(side, mark);
  }
  await reached?.('witness saved');
}

/**
 * Handles a write that failed on a side. If our lease disappeared together with the data, no newer attempt exists: the
 * circuit breaker notes the loss, and the next heartbeat ends this attempt (`endWhereGone`). An error on a side that is
 * still ours is thrown.
 *
 * @throws LeaseLost a newer attempt holds the lease; otherwise the error itself
 */
async function heedLoss({ breaker }: Attempt, side: Side, error: unknown): Promise<void> {
  if (error instanceof LeaseLost) await breaker.ask(side);
  if (!breaker.isGone(side)) throw error;
}

/**
 * Lets the circuit breaker check both servers: the lease, the watermark, and the counters of evictions and commands.
 *
 * @throws LeaseLost a newer attempt holds the lease
 */
export async function askServers(attempt: Attempt): Promise<void> {
  for (const side of ['source', 'target'] as const) await attempt.breaker.ask(side);
}

/**
 * Ends this attempt if a side has lost our lease, because only a new attempt can take the lease there again. First it
 * writes the suspicion on the other side, if that side is still ours, so that the next attempt knows it.
 *
 * @throws LeaseLost
 */
export async function endWhereGone(attempt: Attempt): Promise<void> {
  const gone = (['source', 'target'] as const).find((side: Side) => attempt.breaker.isGone(side));
  if (!gone) return;
  if (!attempt.breaker.isGone(otherSide(gone))) await writeWatermarks(attempt);
  throw new LeaseLost();
}

/**
 * Takes up an operator's decision on a suspect side, once. First both sides record the decision. Then the parked keys
 * are queued again, and the reconciler reads them under the decision.
 */
export async function takeDecision(attempt: Attempt): Promise<void> {
  const { breaker, control } = attempt;
  for (const side of ['source', 'target'] as const) {
    const decision = control.accept[side];
    if (!decision || breaker.suspicions[side]?.accepted !== null) continue;
    // Ask the server once more first. If it lost more data after the operator decided, that is a new suspicion, and
    // `accept` refuses a decision on an older one.
    await breaker.ask(side);
    if (!breaker.accept(side, decision.word, decision.sinces)) continue;
    await writeWatermarks(attempt);
    attempt.dirty.unpark(performance.now());
  }
}

/**
 * Closes a suspicion that is resolved: every key was read since it began, and no key of that side is held back. This is
 * checked when no key waits, and once more after a barrier, when the feed has shown every event up to that moment. What
 * the server does later, also during this check, becomes a new suspicion.
 */
export async function closeResolvedBreaker(
  attempt: Attempt,
  barrier: (side: Side) => Promise<void>,
): Promise<void> {
  const { breaker, dirty } = attempt;
  // No key waits, none is parked and no rescan is due: every key was read.
  if (dirty.idle && dirty.parked === 0 && !breaker.wantsRescan) {
    breaker.closeGaps();
    breaker.seen(attempt.joined);
  }
  for (const { side, since } of breaker.suspects()) {
    if (!isSettled(attempt, side)) continue;
    await breaker.ask(side);
    // What the server does during the barrier differs from this record, so the next question finds it.
    const seen = breaker.witness(side);
    await barrier(side);
    await breaker.settled();
    const same = breaker.suspicions[side]?.since === since;
    if (seen && same && isSettled(attempt, side)) breaker.close(side, seen);
  }
}

function isSettled({ breaker, dirty }: Attempt, side: Side): boolean {
  if (breaker.isGone(side) || breaker.held(side) > 0 || breaker.wantsRescan) return false;
  // Keys that the other side's suspicion holds back stay parked. The circuit breaker has judged them under this
  // suspicion too, so they do not keep it open.
  const held = breaker.held('source') + breaker.held('target');
  return dirty.idle && dirty.parked <= held;
}
