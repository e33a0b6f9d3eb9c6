import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../../domain/plan.ts';
import type { Shard } from '../../../domain/shard.ts';
import type { LinkStatus } from '../../../domain/status.ts';
import type { Environment } from '../../../redis/connection.ts';
import { runSync } from '../../../redis/sync/sync.ts';
import type { Step } from '../../../redis/sync/step.ts';
import { eventually } from '../../support/eventually.ts';

type Attempt = { readonly stop: AbortController; readonly done: Promise<void>; readonly steps: Set<Step> };

/**
 * What an attempt may end with when something was cut, killed or flushed (which takes the authority record of a target
 * too, until the next attempt puts it back); anything else is a fault of the engine.
 */
export const EXPECTED_END =
  /FeedLost|NoAuthority|LeaseLost|StoreUnreachable|Connection is closed|ECONN|EPIPE|LOADING|Command timed out/;

/** The sync of a link, or of a shard of it, as a schedule sees it: something that starts it again whenever it ends, as Temporal does with the activity. */
export interface SyncUnderTest {
  readonly shard: Shard;
  readonly status: LinkStatus | null;
  /** Ends that nobody caused. */
  readonly faults: readonly string[];
  /** What every attempt so far has ended with, for whoever reads a failure. */
  readonly ends: readonly string[];
  /** A new attempt; one that still runs becomes a zombie and is fenced out. */
  start(): void;
  /** A new attempt if none runs. */
  ensure(): void;
  kill(): Promise<void>;
  /** Resolves when the attempt that runs now has come to a step. */
  reached(step: Step): Promise<void>;
}

/** In this process; a kill closes the connections at once and tells nobody. */
export class SupervisedSync implements SyncUnderTest {
  readonly shard: Shard;
  readonly #begin: (attempt: { signal: AbortSignal; reached: (step: Step) => void }) => Promise<void>;
  readonly #attempts = new Set<Attempt>();
  #wanted = false;
  status: LinkStatus | null = null;
  readonly faults: string[] = [];
  readonly ends: string[] = [];

  constructor(plan: Plan, shard: Shard, environment: Environment) {
    this.shard = shard;
    const { link } = shard;
    const report = (status: LinkStatus) => void (this.status = status);
    this.#begin = ({ signal, reached }) =>
      runSync({ plan, link, shard, environment, report, reached }, signal);
  }

  ensure(): void {
    if (this.#attempts.size === 0) this.start();
  }

  start(): void {
    this.#wanted = true;
    const stop = new AbortController();
    const steps = new Set<Step>();
    const done = this.#begin({ signal: stop.signal, reached: (step) => void steps.add(step) });
    const attempt = { stop, steps, done: done.catch((error: unknown) => this.#ended(error)) };
    this.#attempts.add(attempt);
    void attempt.done.then(() => this.#again(attempt));
  }

  async kill(): Promise<void> {
    this.#wanted = false;
    for (const { stop } of this.#attempts) stop.abort();
    await Promise.all([...this.#attempts].map(({ done }) => done));
  }

  async reached(step: Step): Promise<void> {
    await eventually(
      `the sync of ${this.shard.name} to reach “${step}”`,
      () => {
        // Of two that chose the same token the older may be the one that holds the lease.
        return [...this.#attempts].at(-1)?.steps.has(step);
      },
      { everyMs: 2 },
    );
  }

  #ended(error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.ends.push(text);
    if (!EXPECTED_END.test(text)) this.faults.push(error instanceof Error ? (error.stack ?? text) : text);
  }

  async #again(ended: Attempt): Promise<void> {
    this.#attempts.delete(ended);
    if (this.#attempts.size > 0) return;
    await delay(3);
    if (this.#wanted && this.#attempts.size === 0) this.start();
  }
}
