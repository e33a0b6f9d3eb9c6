import { setTimeout as delay } from 'node:timers/promises';
import type { Dataset, Side } from '../../domain/plan/plan.ts';
import { keyBytes } from '../client/key-bytes.ts';
import { type Attempt, takesPart } from './attempt/attempt.ts';
import { readStreamsUnderFence } from './feed/poll-streams.ts';

type Asked = Pick<Drained, 'id' | 'side'>;

const SIDES = ['source', 'target'] as const;
/** The most arguments that one guarded command takes. */
const MOST_PUSHED = 4_000;

/** The answer to a drain request: everything that `side` had accepted has arrived on the other side. */
export type Drained = {
  /** The id of the request. */
  readonly id: string;
  readonly side: Side;
  /** How long the drain took. */
  readonly ms: number;
  /** The sides that were suspect at that moment. A switch does not go on if there is one. */
  readonly suspects: readonly Side[];
};

/**
 * Tells that a drain waits only for keys that failed again and again. `waits`: the id of the request. `failed`: the
 * number of these keys.
 */
export type Waiting = { readonly waits: string; readonly failed: number };

/**
 * Answers drain requests. First comes a barrier on the side, so that "nothing is pending" covers every event. Then this
 * waits until every change of the side has arrived. The other direction may lag: its backlog is drained when the
 * authority moves back. The answer comes with the list of recently replicated keys, for the check under the fence.
 */
export async function answerDrains(
  attempt: Attempt,
  barrier: (side: Side) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let served = '';
  while (!signal.aborted) {
    const asked = attempt.control.drain;
    attempt.draining = asked !== null && asked.id !== served;
    if (!asked || asked.id === served) {
      await attempt.controlRead.rest(signal);
      continue;
    }
    const began = performance.now();
    await barrier(asked.side);
    await attempt.reached?.('drain barrier');
    await allArrived(attempt, asked, signal);
    if (attempt.control.drain?.id !== asked.id || signal.aborted) continue;
    // Ask both servers now: the feed may not have shown a flush of a moment ago, and the next step may open that side
    // to its apps. A paused side is not asked: the pause blocks a flush too, and our question might wait behind a
    // blocked write of ours.
    const askable = SIDES.filter((side) => side !== attempt.control.paused);
    await Promise.all(askable.map((side) => attempt.breaker.ask(side)));
    const suspects = attempt.breaker.suspects().map((one) => one.side);
    await answer(attempt, { ...asked, ms: Math.round(performance.now() - began), suspects });
    served = asked.id;
  }
}

/**
 * Resolves when no change of the side is pending and every stream was polled since the drain began. Consumer groups
 * change a stream without an event, so only a poll shows what the last app did before the fence. New streams may turn
 * up until the scan of this attempt has ended, so the poll is repeated.
 */
async function allArrived(attempt: Attempt, { id, side }: Asked, signal: AbortSignal): Promise<void> {
  const asked = new Set<string>();
  const left = () => attempt.dirty.pendingFrom(side) + (hasUnseen(attempt, side) ? 1 : 0);
  let told = 0;
  for (;;) {
    // In each round: a large key that was being read when the drain began comes back to its queue later, and would wait
    // there for seconds. The fence has stopped the apps that kept changing it.
    attempt.large.hurry();
    attempt.failing.hurry(performance.now());
    const met = await readStreamsUnderFence(attempt, side, asked);
    const failed = attempt.failing.given;
    if (met === 0 && left() + failed === 0) return;
    if (attempt.control.drain?.id !== id || signal.aborted) return;
    // A key that fails may hold a change that has not travelled. If the drain ended now, that change would be left
    // behind. So report the keys and wait.
    if (met === 0 && left() === 0 && failed !== told) {
      await tellWaiting(attempt, id, failed);
      told = failed;
    }
    await delay(restMs(left() + failed), undefined, { signal }).catch(() => undefined);
  }
}

/** Reports how many failing keys the drain waits for. */
async function tellWaiting(
  { guards, keyspace, shard }: Attempt,
  waits: string,
  failed: number,
): Promise<void> {
  const waiting: Waiting = { waits, failed };
  await guards.target('SET', keyspace.drained(shard.name), JSON.stringify(waiting));
}

/**
 * The pause before the next count, in ms. Counting a long queue takes time that the replication needs. So the next
 * count comes when half of the keys can have left, at 20 keys a ms; at most 50 ms later.
 */
function restMs(left: number): number {
  return Math.min(50, Math.max(1, left / 40));
}

/**
 * Whether the side may hold changes that this attempt has not read. The feed does not show what a side accepted before
 * the attempt began; only a scan finds it.
 *
 * A drain of V1 waits for every dataset: what is not copied yet would be left behind. A drain of V2 waits only for
 * datasets that an earlier attempt has begun to replicate. An abort drains V2 too, perhaps during the first copy, and
 * must not wait for that copy: the keys of V2 whose origin is not known yet count as V2's own (docs/decisions/0038).
 */
function hasUnseen(attempt: Attempt, side: Side): boolean {
  const isUnseen = ({ name }: Dataset) =>
    side === 'source' ? !attempt.joined.has(name) : attempt.notRescanned.has(name);
  return attempt.link.datasets.some((dataset) => takesPart(attempt, dataset) && isUnseen(dataset));
}

/** Writes the list of recently replicated keys, then the answer. */
async function answer(attempt: Attempt, drained: Drained): Promise<void> {
  const { keyspace, shard } = attempt;
  const guarded = attempt.guards.target;
  const list = keyspace.recent(shard.name);
  const keys = attempt.recent.keys().map(keyBytes);
  const writes = [guarded('UNLINK', list)];
  for (let i = 0; i < keys.length; i += MOST_PUSHED)
    writes.push(guarded('RPUSH', list, ...keys.slice(i, i + MOST_PUSHED)));
  // All these writes use one connection, so the answer arrives after its list.
  writes.push(guarded('SET', keyspace.drained(shard.name), JSON.stringify(drained)));
  await Promise.all(writes);
  await attempt.reached?.('drained');
}
