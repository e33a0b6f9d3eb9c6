import { CancellationScope, condition } from '@temporalio/workflow';
import type { Approval, Phase } from '../domain/phase.ts';
import type { Plan } from '../domain/plan.ts';
import type { Progress } from '../domain/progress.ts';
import { beginRun, isApproved, type RunState } from '../domain/run-state.ts';
import { createDisplay } from './display.ts';

/** Thrown where the story stops because somebody or something wants back; the reason stands in the state. */
export class TurnedBack extends Error {
  override readonly name = 'TurnedBack';
}

/**
 * One running migration: its state, the wish to go back, and the scope of everything that such a wish cancels.
 * Handlers only change the state; the story waits for conditions over it.
 */
export class Run {
  state: RunState;
  /** The story. Cancelled by the wish to go back; what must not be cut in two is shielded inside. */
  readonly forward = new CancellationScope();
  /** Set by preflight, when the server knows our search attributes. */
  searchable = false;
  #nudges = 0;
  readonly #show = createDisplay();

  constructor(plan: Plan) {
    this.state = beginRun(plan, Date.now());
    // The workflow's own cancellation is an abort like any other.
    this.forward.cancelRequested.catch(() =>
      this.#wish({ by: 'temporal', reason: 'the workflow was cancelled' }),
    );
  }

  get plan(): Plan {
    return this.state.plan;
  }

  note(change: Partial<RunState>): void {
    this.state = { ...this.state, ...change };
    this.#show(this.state, this.searchable);
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

  /** Somebody wants back: the first wish counts, a later one makes what waits for an operator try again. */
  turnBack(wish: { readonly by: string; readonly reason: string }): void {
    if (this.state.sealed || this.state.outcome !== null) return;
    this.#wish(wish);
    this.nudge();
    this.forward.cancel();
  }

  /** Something that should have been undone or tidied was not: an operator has to look, the report says so. */
  unfinished(step: string, problem: string): void {
    this.note({ undone: [...this.state.undone, { step, problem }], lastFailure: `${step}: ${problem}` });
  }

  /** An operator has said something on which what stands still is tried again. */
  nudge(): void {
    this.#nudges += 1;
  }

  /** @returns whether an operator has said something since this call */
  nudged(): () => boolean {
    const seen = this.#nudges;
    return () => this.#nudges > seen;
  }

  /** To be called after a shielded step, which has not felt the cancellation. */
  throwIfTurnedBack(): void {
    if (this.state.stop) throw new TurnedBack(this.state.stop.reason);
  }

  /** Stands still, in red, until an operator sends `resume` or `abort`: nothing here is decided by a program. */
  async operator(problem: string): Promise<void> {
    const nudged = this.nudged();
    const wished = this.state.stop !== null;
    this.note({ lastFailure: problem, questions: [...this.state.questions, problem] });
    try {
      await condition(() => nudged() || (!wished && this.state.stop !== null));
    } finally {
      const { questions } = this.state;
      this.note({ questions: questions.toSpliced(questions.indexOf(problem), 1) });
    }
  }

  #wish(wish: { readonly by: string; readonly reason: string }): void {
    if (this.state.stop === null && !this.state.sealed) this.note({ stop: wish, paused: null });
  }
}
