import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { Shard } from '../../../domain/keys/shard.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import type { Environment } from '../../../redis/client/connection.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { eventually } from '../../support/eventually.ts';

type Attempt = {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  readonly steps: Set<FaultPoint>;
};

/**
 * The errors with which an attempt may end after a cut, a kill or a flush. A flush of the target also takes the
 * authority record, until the next attempt writes it back. Any other error is a defect of the engine.
 */
export const EXPECTED_END =
  /FeedLost|NoAuthority|LeaseLost|StoreUnreachable|Connection is closed|ECONN|EPIPE|LOADING|LineSilent|Command timed out/;

/** The sync of a shard, as a schedule sees it. It starts again whenever it ends, as Temporal does with the activity. */
export interface SyncUnderTest {
  readonly shard: Shard;
  readonly status: LinkStatus | null;
  /** The ends that no fault explains. */
  readonly faults: readonly string[];
  /** How every attempt so far has ended; it helps to explain a failure. */
  readonly ends: readonly string[];
  /** Starts a new attempt. An attempt that still runs becomes a zombie and is fenced out. */
  start(): void;
  /** Starts a new attempt if none runs. */
  ensure(): void;
  kill(): Promise<void>;
  /** Resolves when the attempt that runs now has come to a step. */
  reached(step: FaultPoint): Promise<void>;
}

/** Runs the sync in this process. A kill aborts its attempts, and they close their connections at once. */
export class SupervisedSync implements SyncUnderTest {
  readonly shard: Shard;
  readonly #begin: (attempt: { signal: AbortSignal; reached: (step: FaultPoint) => void }) => Promise<void>;
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
    const steps = new Set<FaultPoint>();
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

  async reached(step: FaultPoint): Promise<void> {
    await eventually(
      `the sync of ${this.shard.name} to reach “${step}”`,
      () => {
        // When two attempts choose the same token, the newer one may lose the lease and end. Then the older one counts.
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
