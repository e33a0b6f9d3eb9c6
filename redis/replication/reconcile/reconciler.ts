import {
  ABSENT,
  type Decision,
  type Digest,
  forgetsTwice,
  type NextStep,
} from '../../../domain/protocol/protocol.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import {
  type Batch,
  beginBatch,
  type BornLive,
  decideKey,
  type KeyOutcome,
  readForRepair,
  type ReconcileContext,
} from './step-decision.ts';
import { entryOf, type WriteOutcome, tryWrites } from '../store/apply-writes.ts';
import { transformValue, sameThroughTransform } from './transform-value.ts';
import type { DirtyKey } from './dirty-set.ts';
import { type PlannedWrite, planAgreement, planCarry } from './build-write.ts';
import { readPlanOfChange, readBothSides, NEVER_SEEN, type KeyView, type ReadPlan } from './key-reader.ts';
import { type SideState, UNREAD } from '../store/state-codec.ts';

/**
 * Why a key is reconciled.
 *
 * - `change`: it has changed, or a walk named it.
 * - `scan`: a scan found it on the source. The first read takes the source's value too.
 * - `copy`: the initial copy found it on the source. It is taken for absent on the target, and only the source is read.
 * - `adopt`: the first scan found it on the target. A baseline key is recorded as equal and does not travel.
 * - `mend`: the verifier found it different. Both values are read, and a ledger entry that says "unchanged" is ignored.
 */
export type ReadMode = 'change' | 'scan' | 'copy' | 'adopt' | 'mend';

const WHOLE = (): ReadPlan => ({ source: 'value', target: 'value' });

const READ_PLANS: Readonly<Record<ReadMode, (() => ReadPlan) | null>> = {
  change: null,
  adopt: null,
  mend: WHOLE,
  scan: () => ({ source: 'value', target: 'digest' }),
  copy: () => ({ source: 'value', target: NEVER_SEEN }),
};

type Told = {
  /**
   * Takes the keys that were carried, also if another write fails and `reconcile` throws. The caller could not find out
   * later that they were carried.
   */
  readonly landed?: Map<DirtyKey, KeyOutcome>;
  /** Called when the writes of the batch are in flight. */
  readonly inFlight?: (() => void) | undefined;
};

/**
 * Reconciles a batch of keys. It reads both sides, compares them with the ledger entry, decides, and writes by
 * compare-and-set. A key that no dataset owns is `same`.
 *
 * @returns the outcomes, in the order of `works`
 */
export async function reconcile(
  attempt: ReconcileContext,
  bornLive: BornLive,
  works: readonly DirtyKey[],
  mode: ReadMode,
  told: Told = {},
): Promise<readonly KeyOutcome[]> {
  const batch = beginBatch(attempt, bornLive);
  const outcomes = new Map<DirtyKey, KeyOutcome>(works.map((work) => [work, { kind: 'same' }]));
  const without = (views: readonly KeyView[], are: (view: KeyView) => boolean, kind: 'large' | 'again') =>
    views.filter((view) => {
      const one = are(view);
      if (one) outcomes.set(view.work, { kind });
      return !one;
    });
  const small = (views: readonly KeyView[]) => without(views, isLarge, 'large');
  const readPlan = READ_PLANS[mode] ?? ((work: DirtyKey) => readPlanOfChange(attempt, work));
  const seen = await (mode === 'mend'
    ? readForRepair(batch, works)
    : readBothSides(attempt, works, readPlan));
  let views = small(seen);
  const foreign = mode === 'adopt' ? await foreignOf(batch, views) : new Set<KeyView>();
  // Keys for which the first read was not enough are read whole on both sides.
  const unread = new Set(views.filter((view) => !foreign.has(view) && needsMore(view)));
  if (unread.size > 0) {
    const anew = [...unread].map((view) => view.work);
    const read = await readBothSides(attempt, anew, WHOLE);
    const whole = without(small(read), (view) => lacksValue(view, view.decision), 'again');
    views = [...views.filter((view) => !unread.has(view)), ...whole];
  }
  await attempt.reached?.('keys read');
  const planned: PlannedWrite[] = [];
  for (const view of views) {
    const plannedOrOutcome = await planWrite(batch, view, foreign.has(view));
    if ('kind' in plannedOrOutcome) outcomes.set(view.work, plannedOrOutcome);
    else planned.push(plannedOrOutcome);
  }
  await attempt.reached?.('drafted');
  await land(batch, planned, outcomes, told);
  return works.map((work) => outcomes.get(work) as KeyOutcome);
}

/** Writes to both sides at once and waits for both: what one side has carried is recorded even if the other fails. */
async function land(
  batch: Batch,
  planned: readonly PlannedWrite[],
  outcomes: Map<DirtyKey, KeyOutcome>,
  { landed, inFlight }: Told,
): Promise<void> {
  const landing = (['source', 'target'] as const).map((side) => apply(batch, side, planned, outcomes));
  inFlight?.();
  const ended = await Promise.allSettled(landing);
  for (const [work, outcome] of outcomes) if (outcome.kind === 'carried') landed?.set(work, outcome);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

/**
 * Whether the large-key loop (redis/replication/large) has to take the key: it is too large for one script, or its
 * value has to travel and only commands can carry it.
 */
function isLarge({ states, decision }: KeyView): boolean {
  const { source, target } = states;
  if (source.digest === UNREAD || target.digest === UNREAD) return true;
  if (decision.do === 'carry') return states[otherSide(decision.to)].value.form === 'large';
  return decision.do === 'contest' && (source.value.form === 'large' || target.value.form === 'large');
}

/**
 * Whether both sides must be read whole before the decision. If one side was not read, the state that we assume there
 * is enough for a write to that side, because the write compares. It is not enough in the cases below.
 */
function needsMore(view: KeyView): boolean {
  const { decision } = view;
  if (view.assumed) {
    const seen = view.states[otherSide(view.assumed)];
    const copied = view.states[view.assumed] === NEVER_SEEN;
    // The copy takes a key for new. One that is gone by now, or has an entry of an earlier copy, is not.
    if (copied && (seen.digest === ABSENT || seen.entry)) return true;
    // The key has expired by itself, so the other side has or will too. Only a read of both forgets the entry.
    if (seen.digest === ABSENT && decision.do === 'nothing') return true;
  }
  return lacksValue(view, decision);
}

/** Whether a value has to travel or to be compared that was not read. */
function lacksValue(view: KeyView, decision: Decision | Extract<NextStep, { do: 'carry' }>): boolean {
  const { source, target } = view.states;
  if (decision.do === 'carry') return isUnread(view.states[otherSide(decision.to)]);
  return decision.do === 'contest' && (isUnread(source) || isUnread(target));
}

function isUnread({ digest, value }: SideState): boolean {
  return digest !== ABSENT && value.form === 'none';
}

/**
 * Finds the baseline keys in these views: keys that V2 had before us, in the recorded state (a large key is recorded
 * without a state). They agree as they are and do not travel. A key that an app wrote since the feed runs is an
 * ordinary change, even if it has the recorded state again. So this asks the feed after the read, when the feed has
 * shown every event up to the read.
 */
export async function foreignOf(
  { baseline, bornLive }: Batch,
  views: readonly KeyView[],
): Promise<ReadonlySet<KeyView>> {
  const own = views.filter(
    ({ agreed, states, work }) =>
      agreed === null &&
      states.source.digest === ABSENT &&
      states.target.digest !== ABSENT &&
      [states.target.digest, UNREAD].some((state) => baseline.holds(work.key, state)),
  );
  if (own.length === 0) return new Set();
  const live = await bornLive(own.map((view) => view.work.key));
  return new Set(own.filter((view) => !live.has(view.work.key)));
}

/** Decides on one key and plans its write. Returns the outcome instead if there is nothing to write. */
async function planWrite(batch: Batch, view: KeyView, foreign: boolean): Promise<PlannedWrite | KeyOutcome> {
  const { attempt } = batch;
  const { source, target } = view.states;
  const instruction = await decideKey(batch, view, foreign, () =>
    sameThroughTransform(view.dataset, source, target),
  );
  if (instruction.do === 'leave') return instruction.outcome;
  if (instruction.do === 'nothing') return leaveAsIs(attempt, view);
  if (instruction.do === 'agree') {
    const spelling = instruction.spelled ? spellingOf(view) : '';
    return planAgreement(view, instruction.on, attempt.stamp(), spelling);
  }
  // The circuit breaker may have turned the step round. Then the value for it may be unread or large.
  if (lacksValue(view, instruction)) return { kind: 'again' };
  const from = otherSide(instruction.to);
  if (view.states[from].value.form === 'large') return { kind: 'large' };
  const planned = planCarry(view, instruction, attempt.stamp());
  return 'write' in planned ? planned : refuse(attempt, view, from, planned.reason);
}

/** Both sides are as they should be. A key that is gone on both leaves quarantine. */
export async function leaveAsIs({ quarantine }: ReconcileContext, view: KeyView): Promise<KeyOutcome> {
  const { source, target } = view.states;
  if (source.digest === ABSENT && target.digest === ABSENT) await quarantine.settled(view.work.key);
  return { kind: 'same' };
}

/** Puts a value that cannot travel into quarantine. */
export async function refuse(
  { quarantine, reached }: ReconcileContext,
  view: KeyView,
  from: Side,
  reason: string,
): Promise<KeyOutcome> {
  await quarantine.put(view, from, reason);
  await reached?.('quarantined');
  return { kind: 'quarantined' };
}

/**
 * How the source's value spells its names. The value goes through the transform only to learn that; the ledger entry of
 * two equal sides keeps it.
 */
function spellingOf({ dataset, states }: KeyView): string {
  const up = transformValue(dataset, 'target', states.source.value, '');
  return up.ok ? up.spelling : '';
}

/**
 * Makes the planned writes of one side. Throws the first failure after the outcomes of all other writes are recorded.
 */
async function apply(
  { attempt, mandate }: Batch,
  side: Side,
  planned: readonly PlannedWrite[],
  outcomes: Map<DirtyKey, KeyOutcome>,
): Promise<void> {
  const mine = planned.filter((one) => one.side === side);
  if (mine.length === 0) return;
  await attempt.reached?.(`before apply ${side}`);
  const { outcomes: answers, failures } = await tryWrites(
    attempt.ports[side],
    attempt.keyspace,
    attempt.link.name,
    mandate,
    mine.map((one) => one.write),
  );
  await attempt.reached?.(`applied ${side}`);
  for (const [i, one] of mine.entries()) {
    const answer = answers[i];
    if (!answer) continue;
    const { word, left } = answer;
    remember(attempt, one, left);
    if (word === 'done') await attempt.quarantine.settled(one.view.work.key);
    if (word === 'unfit')
      await refuse(attempt, one.view, otherSide(one.side), 'the server refused the value');
    outcomes.set(one.view.work, outcomeOf(one, word));
  }
  if (failures.length > 0) throw failures[0];
}

function outcomeOf(one: PlannedWrite, word: WriteOutcome['word']): KeyOutcome {
  if (word === 'unfit') return { kind: 'quarantined' };
  if (word === 'stale') return { kind: 'again' };
  if (word === 'epoch') return { kind: 'epoch' };
  return outcomeOfDone(one.view, one.side, one.write, one.stray);
}

/** The outcome of a write that the server has done. */
export function outcomeOfDone(
  view: KeyView,
  side: Side,
  { act, journal }: { readonly act: string; readonly journal: boolean },
  stray = false,
): KeyOutcome {
  // The key is gone on both sides and had two ledger entries. This write removed one; the next read removes the other.
  if (forgetsTwice(view.states)) return { kind: 'again' };
  return act === 'agree' ? { kind: 'same' } : { kind: 'carried', to: side, conflict: journal, stray };
}

/** Remembers what both sides hold after a write. Forgets the key if the write was refused or if a side is absent. */
function remember(
  { known }: ReconcileContext,
  { view, side, write }: PlannedWrite,
  left: Digest | null,
): void {
  if (!left || left === ABSENT || write.other === ABSENT) return known.forget(view.work.key);
  known.agreed(view, side, left, entryOf(write, side, left), write.act !== 'agree');
}
