import type { DirtyKey } from '../reconcile/dirty-set.ts';
import type { ReadMode } from '../reconcile/reconciler.ts';
import { WakeUp } from '../reconcile/wake-up.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** Wait after a failure, ms. The server or the connection may need a moment to recover. */
const FAILED_WAIT_MS = 1_000;

/**
 * A large key, checked out by this attempt until it is handled. So it counts as pending, and no other loop takes it.
 */
export type LargeWork = {
  readonly work: DirtyKey;
  readonly mode: ReadMode;
  readonly tries: number;
  readonly notBefore: number;
  /** The last try failed. A key that only changed during the read has not failed. */
  readonly failed?: boolean;
};

/**
 * Large keys that wait for the large-key loop, in the order of their time. A key that keeps changing waits ever longer.
 */
export class LargeQueue {
  readonly #waiting = new Set<LargeWork>();
  readonly #wakeUp = new WakeUp();
  #adopting = 0;

  add(work: DirtyKey, mode: ReadMode): void {
    this.#wait({ work, mode, tries: 0, notBefore: 0 });
    if (mode === 'adopt') this.#adopting++;
  }

  done({ mode }: LargeWork): void {
    if (mode === 'adopt') this.#adopting--;
  }

  /** Keys for which the reconciler still has to decide whether they are baseline keys. */
  get adopting(): number {
    return this.#adopting;
  }

  /** @param mode another one than before, when the key has turned out to be no baseline key */
  again(one: LargeWork, nowMs: number, mode = one.mode): void {
    if (mode !== one.mode) this.done(one);
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** one.tries);
    this.#wait({ ...one, mode, tries: one.tries + 1, notBefore: nowMs + wait, failed: false });
  }

  /** Queues a key again whose try failed. */
  afterFailure(one: LargeWork, nowMs: number): void {
    this.#wait({ ...one, notBefore: nowMs + FAILED_WAIT_MS, failed: true });
  }

  /** Makes every key due now. A drain waits for them, and the fence now stops the apps that kept changing them. */
  hurry(): void {
    for (const one of [...this.#waiting]) {
      if (one.notBefore === 0) continue;
      this.#waiting.delete(one);
      this.#wait({ ...one, notBefore: 0 });
    }
  }

  take(nowMs: number): LargeWork | null {
    for (const one of this.#waiting) {
      if (one.notBefore > nowMs) continue;
      this.#waiting.delete(one);
      return one;
    }
    return null;
  }

  /** Resolves when `take` may have a key, or when the signal aborts. */
  awaitDue(nowMs: number, signal: AbortSignal): Promise<void> {
    let untilMs = Infinity;
    for (const { notBefore } of this.#waiting) untilMs = Math.min(untilMs, notBefore);
    return this.#wakeUp.rest(signal, Math.max(0, untilMs - nowMs));
  }

  #wait(one: LargeWork): void {
    this.#waiting.add(one);
    this.#wakeUp.ring();
  }

  /** The reason why large keys wait, for the status. It names no key, because keys can contain personal data. */
  reason(): string | null {
    const waiting = [...this.#waiting];
    const failed = waiting.filter((one) => one.failed).length;
    if (failed > 0) return `large keys: ${failed} could not be carried, and are tried again`;
    const restless = waiting.filter(({ tries }) => tries > 0).length;
    return restless === 0 ? null : `large keys: ${restless} changed while they were read, and are read again`;
  }
}
