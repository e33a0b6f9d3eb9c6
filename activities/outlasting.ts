import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';
import type { Dependencies } from './dependencies.ts';

/** Pause between two questions to a Temporal that does not receive our heartbeats, ms. */
const ASK_MS = 3_000;

/**
 * Decides when to end work that must go on while Temporal is away.
 *
 * The problem: an activity whose heartbeats do not reach Temporal is cancelled. Either the SDK cancels it itself,
 * because no answer comes back (`timedOut`). Or the server has given the attempt up, and its first answer afterwards
 * cancels it (`notFound`). If the work stopped then, the stores would have no sync and no keeper of the fence until a
 * later attempt runs.
 *
 * Neither cancellation says that the work is unwanted. So this class asks Temporal, every three seconds. A missing
 * answer does not end the work. Every other cancellation ends the work at once.
 *
 * To go on is safe. A later attempt takes the lease, and from then on the stores refuse the writes of this one. Once
 * all work has ended, the questions stop.
 */
export class Outlasting {
  readonly #context: Context;
  readonly #dependencies: Pick<Dependencies, 'isWanted' | 'stopping'>;
  readonly #ended = new AbortController();
  #held = 0;
  #asking = false;

  constructor(context: Context, dependencies: Pick<Dependencies, 'isWanted' | 'stopping'>) {
    this.#context = context;
    this.#dependencies = dependencies;
    const { cancellationSignal } = context;
    if (cancellationSignal.aborted) this.#cancelled();
    else cancellationSignal.addEventListener('abort', () => this.#cancelled(), { once: true });
  }

  /** Aborts when the work must end. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Registers the activity's attempt. Call it once the attempt has the lease. Before that every cancellation ends the
   * attempt, because it must not take the lease from a later one.
   */
  attempt(work: Promise<unknown>): void {
    this.#holds(work, () => this.#held > 0 && this.#askInstead());
  }

  /** Registers work that the attempt has started and that goes on after the attempt fails. */
  beyond(work: Promise<unknown>): void {
    this.#holds(work, () => undefined);
  }

  #holds(work: Promise<unknown>, over: () => void): void {
    this.#held++;
    const done = () => {
      this.#held--;
      over();
    };
    void work.then(done, done);
  }

  #cancelled(): void {
    const { timedOut, notFound } = this.#context.cancellationDetails ?? {};
    if (this.#held > 0 && (timedOut || notFound)) this.#askInstead();
    else this.#end();
  }

  #end(): void {
    this.#ended.abort(this.#context.cancellationSignal.reason);
  }

  /**
   * Asks Temporal from here on, because the SDK says nothing more: it reports only the first cancellation of an
   * attempt, and none after the attempt has ended.
   */
  #askInstead(): void {
    if (this.#asking) return;
    this.#asking = true;
    const { stopping, isWanted } = this.#dependencies;
    if (stopping.aborted) return this.#end();
    const end = () => this.#end();
    stopping.addEventListener('abort', end, { once: true });
    const goesOn = () => this.#held > 0 && !this.#ended.signal.aborted;
    void askWhile(goesOn, () => isWanted(this.#context.info), this.#context.log).then((unwanted) => {
      stopping.removeEventListener('abort', end);
      if (unwanted) end();
    });
  }
}

/** @returns true when Temporal has said that the work is unwanted; false when the work has ended before */
async function askWhile(
  goesOn: () => boolean,
  isWanted: () => Promise<boolean>,
  log: Context['log'],
): Promise<boolean> {
  let silent = false;
  while (goesOn()) {
    try {
      if (!(await isWanted())) return true;
      silent = false;
    } catch (error) {
      // A refusal is no answer either. Its text goes to the log, because it says which permission is missing.
      const why = error instanceof Error ? error.message : '';
      if (!silent) log.warn('Temporal does not answer: this goes on without it', { why });
      silent = true;
    }
    await delay(ASK_MS, undefined, { ref: false });
  }
  return false;
}
