import { condition, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { dayName } from '../domain/plan/plan.ts';
import type { ToldState } from '../domain/run/run-state.ts';
import { servingSide } from '../domain/run/seen.ts';
import { SEARCH_ATTRIBUTES, STATE_MEMO } from './names.ts';
import type { Run } from './run.ts';

const PHASE = defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, SearchAttributeType.KEYWORD);
const AUTHORITY = defineSearchAttributeKey(SEARCH_ATTRIBUTES.authority, SearchAttributeType.KEYWORD);
const DAY = defineSearchAttributeKey(SEARCH_ATTRIBUTES.day, SearchAttributeType.KEYWORD);

/**
 * Writes the state of a run where every program can read it without a worker: into the memo of the run, and in short
 * into its search attributes.
 */
export class TemporalTeller {
  readonly #run: Run;
  #told = -1;
  #attributes = '';

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * Tells each change of the state until the workflow ends. A workflow task may change the state many times and tells
   * only the last state: each telling adds an event to the history.
   */
  async keepTelling(): Promise<never> {
    for (;;) {
      await condition(() => this.#run.revision !== this.#told);
      this.tell();
    }
  }

  /** Tells the present state, unless it was told already. */
  tell(): void {
    const { state, revision } = this.#run;
    if (revision === this.#told) return;
    this.#told = revision;
    const { plan: _plan, ...told } = state;
    upsertMemo({ [STATE_MEMO]: told satisfies ToldState });
    this.#tellAttributes();
  }

  /** On a server that does not know our search attributes they are not written: the upsert would fail the run. */
  #tellAttributes(): void {
    const { state, searchable } = this.#run;
    const day = dayName(state.plan, state.startedAtMs, Date.now());
    const serves = servingSide(state, Date.now()) ?? 'unknown';
    const next = [state.phase, serves, day].join(' ');
    if (!searchable || next === this.#attributes) return;
    this.#attributes = next;
    upsertSearchAttributes([
      { key: PHASE, value: state.phase },
      { key: AUTHORITY, value: serves },
      { key: DAY, value: day },
    ]);
  }
}
