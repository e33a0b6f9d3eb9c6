import { setTimeout as delay } from 'node:timers/promises';
import { otherSide, type Side } from '../../domain/side.ts';
import { type Attempt, currentAuthority } from './attempt.ts';
import type { Work } from './dirty-keys.ts';
import { InFlight } from './in-flight.ts';
import { type Fate, type Manner, reconcile, type ReconcileContext } from './reconcile.ts';

/** Stands in the queue of changes for the beat of a side, so that lag is that of the whole way. */
export const BEAT: Readonly<Record<Side, string>> = { source: '\0beat:source', target: '\0beat:target' };

/** Batches that are read at the same time while more than one waits: servers read one while another is decided on. */
const LANES = 2;

export type BornLive = (sourceKeys: readonly string[]) => Promise<ReadonlySet<string>>;

/**
 * Wait for one, take what is there: an idle change leaves at once, under load it batches. While the writes of a batch
 * are on their way the next one is read, in the same calls (redis/sync/turns.ts).
 */
export async function changes(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  const reading = new InFlight();
  const handling = new InFlight();
  while (!signal.aborted) {
    if (failures.length === 0) await attempt.dirty.wakened('changes');
    if (failures.length > 0) throw failures[0];
    const works = attempt.dirty.take(attempt.batch.keys);
    if (works.length === 0) continue;
    let drafted = (): void => undefined;
    const onTheirWay = new Promise<void>((resolve) => {
      drafted = resolve;
    });
    const batch = handle(attempt, works, 'change', bornLive, signal, drafted).finally(drafted);
    batch.catch((error: unknown) => {
      failures.push(error);
      // The loop may be waiting for a change.
      attempt.dirty.wake();
    });
    const most = attempt.dirty.waiting >= attempt.batch.keys ? LANES : 1;
    await reading.add(onTheirWay, most);
    await handling.add(batch, 2 * most);
  }
  await handling.ended();
}

/** Looks at a batch of keys, writes what has to travel, and gives every key back with its fate. */
export async function handle(
  attempt: Attempt,
  works: readonly Work[],
  manner: Manner,
  bornLive: BornLive,
  signal: AbortSignal,
  drafted?: () => void,
): Promise<void> {
  const beats = works.filter((work) => work.key === BEAT.source || work.key === BEAT.target);
  const keys = works.filter((work) => !beats.includes(work));
  attempt.batch.looked(keys.length);
  const fates = await reconcile({ ...contextOf(attempt, bornLive), drafted }, keys, manner);
  for (const [i, work] of keys.entries()) giveBack(attempt, work, manner, fates[i] as Fate);
  for (const beat of beats) await carryBeat(attempt, beat);
  await settleEpoch(attempt, fates, signal);
}

/** The authority may be moving right now: the records of the two sides differ for a moment. */
export async function settleEpoch(
  attempt: Attempt,
  fates: readonly Fate[],
  signal: AbortSignal,
): Promise<void> {
  if (!fates.some((fate) => fate.kind === 'epoch')) return;
  await delay(5, undefined, { signal }).catch(() => undefined);
  attempt.authority = await currentAuthority(attempt.ports);
}

/** What a look at keys needs of the attempt, under the authority of this moment. */
export function contextOf(attempt: Attempt, bornLive: BornLive): ReconcileContext {
  const { authority, link, shard, token } = attempt;
  const { keyspace, keyMap, ports, known, typed, breaker, quarantine, stamp, reached, own } = attempt;
  return {
    ...{ keyspace, keyMap, ports, known, typed, breaker, quarantine, stamp, reached, own, shard },
    link: link.name,
    mandate: { shard: shard.name, token, epoch: authority.epoch, authority: authority.side },
    bornLive,
    closed: (side) => closed(attempt, side),
  };
}

function closed(attempt: Attempt, side: Side): 'parked' | 'ignored' | null {
  if (side === 'source' && attempt.plan.mode === 'forward') return 'ignored';
  return attempt.control.paused === side ? 'parked' : null;
}

/** Gives a key back with its fate; a large one stays in this attempt's hands until its lane has seen to it. */
export function giveBack(attempt: Attempt, work: Work, manner: Manner, fate: Fate): void {
  if (fate.kind === 'large') return attempt.large.add(work, manner);
  const nowMs = Date.now();
  if (fate.kind === 'carried') {
    const since = work.since[otherSide(fate.to)];
    if (since !== undefined) attempt.counters.arrived(fate.to, nowMs - since, nowMs);
    attempt.counters.carried[fate.to]++;
    attempt.recent.add(work.key, nowMs);
    attempt.dirty.wrote(work.key, fate.to);
    if (fate.conflict) attempt.counters.conflicts++;
  }
  if (fate.kind === 'parked') return attempt.dirty.park(work, fate.until ?? null, nowMs);
  const again = fate.kind === 'again' || fate.kind === 'epoch';
  attempt.dirty.giveBack(work, again ? 'again' : 'done', nowMs);
}

async function carryBeat(attempt: Attempt, beat: Work): Promise<void> {
  const from: Side = beat.key === BEAT.source ? 'source' : 'target';
  const to = otherSide(from);
  const nowMs = Date.now();
  attempt.dirty.giveBack(beat, 'done', nowMs);
  if (closed(attempt, to)) return;
  await attempt.lines[to].data.set(attempt.keyspace.arrival(attempt.shard.name, from), String(nowMs));
  attempt.counters.arrived(to, Date.now() - (beat.since[from] ?? nowMs), nowMs);
}
