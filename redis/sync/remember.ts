import { otherSide, type Side } from '../../domain/side.ts';
import { tagged } from '../../domain/slot.ts';
import { LeaseLost } from './apply-writes.ts';
import type { Attempt } from './attempt.ts';

/**
 * Writes down what is known of both servers, with a mark: each second, and as soon as a suspicion stands. On a side
 * that lost our lease nothing is written: a record there must not outlive what it speaks of (L5). The target a second time,
 * when the source has taken the mark: if it only heard of it with the next one, a source that comes back with data of
 * two seconds ago would pass for whole.
 *
 * One at a time: a decision is written down beside the second's mark, and of two at once the late one would leave the
 * older mark where the other side knows the newer one.
 */
export function rememberWitnesses(attempt: Attempt): Promise<void> {
  const written = attempt.remembering.then(() => write(attempt));
  attempt.remembering = written.catch(() => undefined);
  return written;
}

async function write(attempt: Attempt): Promise<void> {
  const { breaker, guards, keyspace, shard, reached } = attempt;
  // Under a pause the word would wait, and everything behind it.
  if (attempt.control.paused) return;
  const mark = attempt.stamp();
  // The target first: a zombie, whose suspicions are old, is refused there.
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

/** A lease that is gone with the data is no newer attempt's: the next second tells of it and ends this one. */
async function heedLoss({ breaker }: Attempt, side: Side, error: unknown): Promise<void> {
  if (error instanceof LeaseLost) await breaker.ask(side);
  if (!breaker.isGone(side)) throw error;
}

/** Asks both servers; one that has lost our lease ends the attempt, once the other one has it in writing. */
export async function askServers(attempt: Attempt): Promise<void> {
  for (const side of ['source', 'target'] as const) await attempt.breaker.ask(side);
}

export async function endWhereGone(attempt: Attempt): Promise<void> {
  const gone = (['source', 'target'] as const).find((side: Side) => attempt.breaker.isGone(side));
  if (!gone) return;
  if (!attempt.breaker.isGone(otherSide(gone))) await rememberWitnesses(attempt);
  throw new LeaseLost();
}

/** An operator's decision, taken up once: in writing first, then what was held back is looked at again. */
export async function heedDecision(attempt: Attempt): Promise<void> {
  const { breaker, control } = attempt;
  for (const side of ['source', 'target'] as const) {
    const decision = control.accept[side];
    if (!decision || breaker.suspicions[side]?.accepted !== null) continue;
    // What the server did up to here is what the decision is about.
    await breaker.ask(side);
    if (!breaker.accept(side, decision.word, decision.sinces)) continue;
    await rememberWitnesses(attempt);
    attempt.dirty.unpark(Date.now());
  }
}
