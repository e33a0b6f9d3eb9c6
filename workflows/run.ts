import { CancellationScope, condition, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { AuthorityRecord } from '../domain/authority/authority-record.ts';
import type { Observation } from '../domain/gates/watch.ts';
import type { Approval, Phase, Plan, Side, Waiver } from '../domain/plan/plan.ts';
import type { Progress } from '../domain/run/progress.ts';
import { afterLook, newRunState, isApproved, type RunState } from '../domain/run/run-state.ts';
import { progressOf } from '../domain/run/progress-of.ts';
import { statusPage } from '../domain/run/status-page.ts';
import { metrics } from './sinks.ts';

/**
 * Thrown to end the phases when an operator, a trigger, a failure or a cancellation wants to go back. The reason is in
 * the state (`stop`).
 */
export class RollbackRequested extends Error {
  override readonly name = 'RollbackRequested';
}

/**
 * One running migration: its state, the wish to go back, and the scope of everything that this wish cancels. Message
 * handlers only change the state. The phases wait for conditions over the state.
 */
export class Run {
  state: RunState;
  /**
   * The scope in which the phases run. The wish to go back cancels it. A step that must not be stopped halfway shields
   * itself.
   */
  readonly forward = new CancellationScope();
  /** Pieces of news that have ended a look so far. */
  newsTold = 0;
  /** True when the Temporal server knows our search attributes. The preflight sets it. */
  searchable = false;
  #nudges = 0;
  #doubted: string | null = null;
  #revision = 0;

  constructor(plan: Plan) {
    this.state = newRunState(plan, Date.now());
    // The cancellation of the workflow itself is treated like an abort.
    this.forward.cancelRequested.catch(() =>
      this.#wish({ by: 'temporal', reason: 'the workflow was cancelled' }),
    );
  }

  get plan(): Plan {
    return this.state.plan;
  }

  /**
   * The authority record that this run knows. A step hands it to the stores, which refuse the step when they hold
   * another one. `null` = the run has not been told yet.
   */
  known(): AuthorityRecord | null {
    const { authority: side, epoch } = this.state;
    return epoch > 0 ? { side, epoch } : null;
  }

  /** Grows with each change of the state. */
  get revision(): number {
    return this.#revision;
  }

  note(change: Partial<RunState>): void {
    this.state = { ...this.state, ...change };
    this.#revision += 1;
    show(this.state);
  }

  /** Notes the authority that a step has read in the stores or written there. */
  serves(authority: Side, epoch: number): void {
    this.note({ authority, epoch, authorityAtMs: Date.now() });
  }

  /** Notes what a look at the stores has seen. */
  observed(observation: Observation): void {
    if (observation.news) this.newsTold += 1;
    this.note(afterLook(this.state, observation, Date.now()));
  }

  /** Notes that the syncs are told to end. Shows nothing: `waitingFor` says it already. */
  endsSync(): void {
    this.state = { ...this.state, syncEnded: true };
  }

  enter(phase: Phase): void {
    const entered = [...this.state.entered, { phase, atMs: Date.now() }];
    this.note({ phase, entered, waitingFor: { what: 'nothing', why: `in phase ${phase}` } });
  }

  waitFor(waitingFor: Progress['waitingFor']): void {
    this.note({ waitingFor });
  }

  approve(gate: Approval, by: string, reason: string): void {
    if (isApproved(this.state, gate)) return;
    this.note({ approvals: [...this.state.approvals, { gate, by, reason, atMs: Date.now() }] });
  }

  withdraw(gate: Approval): void {
    this.note({ approvals: this.state.approvals.filter((approval) => approval.gate !== gate) });
  }

  /** An operator accepts that a gate cannot be measured. The look under way ends, and the next one judges by that. */
  waive(waiver: Required<Waiver>): void {
    if (this.state.waivers.some(({ gate }) => gate === waiver.gate)) return;
    this.note({ waivers: [...this.state.waivers, { ...waiver, atMs: Date.now() }] });
  }

  /** A wish to go back. The first one counts. A later one only makes the steps that wait for an operator try again. */
  requestRollback(wish: { readonly by: string; readonly reason: string }): void {
    if (this.state.sealed || this.state.outcome !== null) return;
    this.#wish(wish);
    this.nudge();
    this.forward.cancel();
  }

  /** A step that should have been undone or cleaned up has failed. The report names it, and an operator must look. */
  unfinished(step: string, problem: string): void {
    this.note({ undone: [...this.state.undone, { step, problem }], lastFailure: `${step}: ${problem}` });
  }

  /** An operator has sent a message. Steps that wait for an operator try again. */
  nudge(): void {
    this.#nudges += 1;
  }

  /** @returns a function that says whether `nudge` was called since this call */
  nudged(): () => boolean {
    const seen = this.#nudges;
    return () => this.#nudges > seen;
  }

  /**
   * Call it after a shielded step, which has not noticed the cancellation.
   *
   * @throws RollbackRequested when there is a wish to go back
   */
  throwIfRollbackRequested(): void {
    if (this.state.stop) throw new RollbackRequested(this.state.stop.reason);
  }

  /**
   * Shows a problem and waits until an operator sends `resume` or `abort`. The program decides nothing here.
   *
   * @param longestMs after this time the caller tries again anyway, because a person may have repaired the cause
   *   without a message; absent = wait for the operator
   */
  async operator(problem: string, longestMs?: number): Promise<void> {
    const nudged = this.nudged();
    const wished = this.state.stop !== null;
    const heard = () => nudged() || (!wished && this.state.stop !== null);
    this.note({ lastFailure: problem, questions: [...this.state.questions, problem] });
    try {
      await (longestMs === undefined ? condition(heard) : condition(heard, longestMs));
    } finally {
      this.#answered(problem);
    }
  }

  /**
   * Notes the problem that an observation found and that an operator must solve. It replaces the problem of the
   * observation before it. `null` = no problem.
   */
  doubt(problem: string | null): void {
    if (problem === this.#doubted) return;
    if (this.#doubted !== null) this.#answered(this.#doubted);
    this.#doubted = problem;
    if (problem !== null) this.note({ lastFailure: problem, questions: [...this.state.questions, problem] });
  }

  #answered(problem: string): void {
    const { questions } = this.state;
    this.note({ questions: questions.toSpliced(questions.indexOf(problem), 1) });
  }

  #wish(wish: { readonly by: string; readonly reason: string }): void {
    if (this.state.stop === null && !this.state.sealed) this.note({ stop: wish, paused: null });
  }
}

/** Shows a state on the page of the Temporal UI and in /metrics. Neither adds an event to the history. */
function show(state: RunState): void {
  const nowMs = Date.now();
  setCurrentDetails(statusPage(state, workflowInfo().workflowId, nowMs));
  // A replay repeats every state of the run so far. The metrics have seen these states already.
  if (!workflowInfo().unsafe.isReplaying) metrics.progress(progressOf(state, nowMs));
}
