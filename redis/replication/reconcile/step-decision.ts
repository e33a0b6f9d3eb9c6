import {
  ABSENT,
  answerStray,
  type ClosedSide,
  decide,
  nextStep,
  type NextStep,
} from '../../../domain/protocol/protocol.ts';
import { otherSide, type Plan, type Side } from '../../../domain/plan/plan.ts';
import type { AuthorityRecord } from '../../../domain/authority/authority-record.ts';
import { type BreakerVerdict, applySuspicions } from '../../../domain/protocol/loss-suspicion.ts';
import type { Control } from '../../state/control.ts';
import type { CircuitBreaker } from '../breaker/circuit-breaker.ts';
import { readBothSides, type ReaderContext, type KeyView } from './key-reader.ts';
import type { Mandate } from '../store/apply-writes.ts';
import type { Quarantine } from './quarantine.ts';
import type { RecordSizes } from './record-sizes.ts';
import type { AbsenceProof } from '../store/state-codec.ts';
import type { BaselineKeys } from './baseline-keys.ts';
import type { DirtyKey } from './dirty-set.ts';
import type { Reached } from './fault-points.ts';

/**
 * The result of reconciling one key once. `stray`: it answers a stray write, a change on the source while V2 serves.
 */
export type KeyOutcome =
  /**
   * - `again`: a side was not as the reconciler had read it, so the key must be read again.
   * - `quarantined`: the value cannot travel, or the key failed too often.
   * - `failed`: the server refused the key; it is tried again later.
   * - `epoch`: the server refused the write because the authority had moved.
   * - `large`: the large-key loop has to take the key.
   */
  | { readonly kind: 'again' | 'quarantined' | 'failed' | 'epoch' | 'large' }
  /** No value had to travel. */
  | { readonly kind: 'same'; readonly stray?: boolean }
  /** The key waits until the side `until` opens; without `until`, until an operator decides on a suspect side. */
  | { readonly kind: 'parked'; readonly until?: Side }
  /** The state of the other side was written to `to`. */
  | { readonly kind: 'carried'; readonly to: Side; readonly conflict: boolean; readonly stray: boolean };

/** The parts of an attempt that the reconciler uses. */
export type ReconcileContext = ReaderContext & {
  readonly plan: Plan;
  readonly token: number;
  readonly authority: AuthorityRecord;
  readonly control: Control;
  readonly breaker: CircuitBreaker;
  readonly quarantine: Quarantine;
  readonly records: RecordSizes;
  readonly stamp: () => string;
  readonly reached?: Reached | undefined;
  /** The baseline keys: keys that V2 had before us. */
  readonly baseline: BaselineKeys;
};

/**
 * Tells which keys an app wrote on the target while the feed ran, among keys that only the target has. It waits for a
 * barrier on the target, so the answer covers every event up to the call.
 */
export type BornLive = (sourceKeys: readonly string[]) => Promise<ReadonlySet<string>>;

/** The keys that are reconciled together, and what holds for all of them. */
export type Batch = {
  readonly attempt: ReconcileContext;
  /**
   * Lease, epoch and authority of one moment. A decision that was taken under one authority must not be written under
   * another epoch.
   */
  readonly mandate: Mandate & { readonly authority: Side };
  readonly bornLive: BornLive;
  /** The baseline keys of the moment when the batch began. The scan may end before a slow read of this batch. */
  readonly baseline: BaselineKeys;
  /** Asked only after all reads of the batch. */
  readonly absences: AbsenceProofs;
};

export function beginBatch(attempt: ReconcileContext, bornLive: BornLive): Batch {
  const { authority, shard, token, breaker, baseline } = attempt;
  const mandate = { shard: shard.name, token, epoch: authority.epoch, authority: authority.side };
  return { attempt, mandate, bornLive, baseline, absences: new AbsenceProofs(breaker) };
}

/**
 * Whether the sync must not write to this side now. `ignored`: in mode `forward` nothing is ever written to the source.
 * `parked`: the side is paused for a cutover, and keys wait until it opens.
 */
export function closedSide(
  { plan, control }: Pick<ReconcileContext, 'plan' | 'control'>,
  side: Side,
): ClosedSide | null {
  if (side === 'source' && plan.mode === 'forward') return 'ignored';
  return control.paused === side ? 'parked' : null;
}

/** What has to be done for a key, whether it is small or large. */
export type KeyInstruction =
  /** Nothing is written now, for a reason that the outcome names. */
  | { readonly do: 'leave'; readonly outcome: KeyOutcome }
  /** Nothing is written: both sides are as they should be. */
  | { readonly do: 'nothing' }
  /** Only the ledger entry on `on` is written. `spelled`: it records how the source's document spells its names. */
  | { readonly do: 'agree'; readonly on: Side; readonly spelled: boolean }
  | Extract<NextStep, { do: 'carry' }>;

/**
 * Decides what has to be done for a key: by the protocol, then by the circuit breaker, then by what is closed. This is
 * the only place that gives a step its meaning. The reconciler carries the instruction out for small keys, and
 * `reconcileLarge` does for large ones.
 *
 * @param foreign the key is a baseline key, which agrees as it is
 * @param same whether both sides have the same value after the transform; called only when both sides have changed
 */
export async function decideKey(
  batch: Batch,
  view: KeyView,
  foreign: boolean,
  same: () => boolean,
): Promise<KeyInstruction> {
  const { attempt, mandate } = batch;
  const decided: NextStep = foreign
    ? { do: 'agree', on: 'target' }
    : nextStep(
        view.states,
        { authority: mandate.authority, closed: (side) => closedSide(attempt, side), same },
        view.decision,
      );
  const step = await decideStep(batch, view, decided);
  if (step.do === 'again') return leave({ kind: 'again' });
  if (step.do === 'hold') return leave({ kind: 'parked' });
  if (step.do === 'nothing') return step;
  if (step.do === 'wait')
    return leave(step.closed === 'parked' ? { kind: 'parked', until: step.to } : { kind: 'same' });
  if (step.do === 'carry') return (step !== decided && closedTo(attempt, view, step)) || step;
  // A paused server would block the write, and a drain would wait behind it.
  if (closedSide(attempt, step.on) === 'parked') return leave({ kind: 'parked', until: step.on });
  return { do: 'agree', on: step.on, spelled: step.do === 'agree' && !foreign };
}

function leave(outcome: KeyOutcome): KeyInstruction {
  return { do: 'leave', outcome };
}

/**
 * Checks a step that the circuit breaker or `answerStray` has put in place of the protocol's own step. The protocol has
 * not checked whether its side is closed.
 *
 * @returns `null` when the side is open
 */
function closedTo(
  attempt: ReconcileContext,
  view: KeyView,
  step: Extract<NextStep, { do: 'carry' }>,
): KeyInstruction | null {
  const closed = closedSide(attempt, step.to);
  if (!closed) return null;
  // The mode is one-way: the stray write stays on the source, and V2 keeps its value.
  if (closed === 'ignored' && step.stray) return leave({ kind: 'same', stray: true });
  // The key counts as held on that side, so that its suspicion stays open until the step is made.
  attempt.breaker.note(view.work.key, { side: step.to, digest: view.states[step.to].digest });
  return leave({ kind: 'parked', until: step.to });
}

/** The step to make for a key. `again`: the read saw another database than ours, so the key must be read once more. */
type DecidedStep = BreakerVerdict | { readonly do: 'again' };

/**
 * Filters a decided step through the circuit breaker. A delete is replicated only when the read that saw the key
 * missing also proved that the server has lost no data. A stray write (a change on the source while V2 serves) is
 * answered by `answerStray`.
 */
async function decideStep(batch: Batch, view: KeyView, step: NextStep): Promise<DecidedStep> {
  const ruling = await answered(batch, view, step);
  // A server that came back may have lost its last second. If its older state overwrites the other side, the step
  // counts as a conflict, so that the conflict journal keeps the overwritten value.
  if (ruling.do !== 'carry' || ruling.conflict) return ruling;
  return batch.attempt.breaker.mayHaveLost(otherSide(ruling.to), view.agreed)
    ? { ...ruling, conflict: true }
    : ruling;
}

async function answered(batch: Batch, view: KeyView, step: NextStep): Promise<DecidedStep> {
  const { breaker, quarantine } = batch.attempt;
  const ruling = await applyBreaker(breaker, view, step, batch.absences);
  if (ruling !== step || step.do !== 'carry') return ruling;
  // Two cases are no stray writes. While the target is suspect, the source's copy may be the newer one. A value in
  // quarantine did not travel before the flip, so it looks like a change and stays where it is.
  if (breaker.suspicions.target || quarantine.holds(view.work.key)) return step;
  return answerStray(step, view.states, batch.mandate.authority);
}

/**
 * Applies the suspicions to a step. A read that saw another database than ours changes nothing, and an absence travels
 * only when it is proven.
 */
export async function applyBreaker(
  breaker: CircuitBreaker,
  view: KeyView,
  step: NextStep,
  absences: AbsenceProofs,
): Promise<DecidedStep> {
  if (!breaker.quiet) await breaker.settled();
  const { work, states } = view;
  for (const side of ['source', 'target'] as const) {
    if (await absences.provePlace(side, states[side].lease)) continue;
    // If our database is back, the key is read once more. If it is not, this attempt can write nothing on that side any
    // more: the key is held, and the next attempt reads it.
    if (!breaker.isGone(side)) return { do: 'again' };
    breaker.note(work.key, { side, digest: states[side].digest });
    return { do: 'hold', side };
  }
  await proveAbsence(step, view, absences);
  if (breaker.believes(view.dataset.name)) return step;
  let ruling = underSuspicions(breaker, view, step);
  if (ruling !== step) {
    // The new step may carry an absence of the other side instead. If that absence is not proven, the other side may
    // become suspect too, so the suspicions are applied once more.
    await proveAbsence(ruling, view, absences);
    ruling = underSuspicions(breaker, view, step);
  }
  const held = ruling.do === 'hold' && { side: ruling.side, digest: states[ruling.side].digest };
  breaker.note(work.key, held || null);
  return ruling;
}

function underSuspicions(
  breaker: CircuitBreaker,
  { work, dataset, states }: KeyView,
  step: NextStep,
): BreakerVerdict {
  return applySuspicions(step, states, breaker.suspicionsOn(dataset.name), (side) =>
    breaker.writtenSince(side, work.key, states[side].digest),
  );
}

/** Proves the absence that a step carries, if it carries one. */
async function proveAbsence(
  step: BreakerVerdict,
  { states }: KeyView,
  absences: AbsenceProofs,
): Promise<void> {
  if (step.do !== 'carry' || !step.absence) return;
  const from = otherSide(step.to);
  await absences.prove(from, states[from].proof);
}

/**
 * Proves the absences of one batch. Each absence comes with figures of the server that the same atomic step has read. A
 * batch may take several calls, and the figures of one call prove nothing about another. If the figures do not prove an
 * absence, the circuit breaker asks the server. One question is enough for the batch, because all of it was read
 * before.
 */
export class AbsenceProofs {
  readonly #breaker: CircuitBreaker;
  readonly #proven = new Set<AbsenceProof>();
  readonly #asked = new Set<Side>();

  constructor(breaker: CircuitBreaker) {
    this.#breaker = breaker;
  }

  /**
   * Whether a read saw our database. A read that did not show our lease may have seen another database, because SWAPDB
   * raises no event. Nothing from such a read may travel, even if our database is back when the circuit breaker asks.
   * When this resolves to `false`, the circuit breaker has asked and knows which database is there now.
   *
   * @param lease the lease that the read showed; `null` = the side was not read, or the read did not ask for the lease
   * @throws LeaseLost a newer attempt holds the lease
   */
  async provePlace(side: Side, lease: string | null): Promise<boolean> {
    if (lease === null || this.#breaker.holds(lease)) return true;
    if (this.#asked.has(side)) return false;
    this.#asked.add(side);
    await this.#breaker.ask(side);
    return false;
  }

  /** Resolves when the absence is proven, or when the circuit breaker has asked the server and knows why it is not. */
  async prove(side: Side, proof: AbsenceProof | null): Promise<void> {
    if (this.#asked.has(side) || (proof && this.#proven.has(proof))) return;
    if (proof && this.#breaker.proves(side, proof)) {
      this.#proven.add(proof);
      return;
    }
    this.#asked.add(side);
    await this.#breaker.ask(side);
  }
}

/**
 * Takes the ledger entries out of a view if they say that nothing has changed. Then the key counts as changed on both
 * sides. The entries stay if the authority lacks the key: a finding of the verifier alone must never delete a key.
 */
export function distrusted(view: KeyView, authority: Side): KeyView {
  const { source, target } = view.states;
  if (view.decision.do !== 'nothing' || view.states[authority].digest === ABSENT) return view;
  const states = { source: { ...source, entry: null }, target: { ...target, entry: null } };
  return { ...view, states, decision: decide(null, states.source, states.target) };
}

/**
 * Reads keys that the verifier found different. Both sides are read by plain commands, not as DUMP: of DUMPs only the
 * digests are compared, and two different values may have one digest.
 */
export async function readForRepair(
  { attempt, mandate }: Batch,
  works: readonly DirtyKey[],
): Promise<readonly KeyView[]> {
  const views = await readBothSides(attempt, works, () => ({ source: 'plain', target: 'plain' }));
  return views.map((view) => distrusted(view, mandate.authority));
}
