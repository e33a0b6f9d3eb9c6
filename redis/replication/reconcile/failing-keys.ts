import type { DirtyKey } from './dirty-set.ts';
import type { ReadMode } from './reconciler.ts';
import { WakeUp } from './wake-up.ts';

/** After so many failures in a row a key is named in quarantine. The first ones may be failures of the connection. */
const MOST_IN_A_ROW = 3;
/**
 * So many keys may be refused one after the other, while no key succeeds. It is a batch of the sync. Beyond that the
 * server has failed, and no more keys are blamed: a missing right must not put a whole dataset into quarantine.
 */
const MOST_REFUSED_IN_A_ROW = 64;
/** The rest before the next try: the server or the connection may need a moment to recover. */
const REST_MS = 1_000;
/** A key in quarantine is tried again after this time. */
const AGAIN_MS = 60_000;
/** The rest while a drain waits for these keys, because the apps wait for the drain. */
const HURRIED_MS = 20;
/**
 * Shortest rest of the loop, ms. The time of a key can be over although this loop cannot try it yet: the baseline keys
 * of its dataset are not known, or another loop has the key.
 */
const SHORTEST_REST_MS = 20;

/** A key that rests until its next try. It stays checked out, so it counts as pending and no other loop takes it. */
export type Resting = { readonly work: DirtyKey; readonly mode: ReadMode };
type Failing = { readonly inARow: number; readonly againAt: number; readonly resting: Resting | null };
/** A key to try again now: one that rests, or one in quarantine (`resting` = null), which must be checked out first. */
export type Due = { readonly key: string; readonly resting: Resting | null };

/**
 * Keys that could not be reconciled, with their failures in a row. The failure of one key must not stop the other keys.
 * Otherwise one value that a server cannot take would end every attempt of the sync, and no change would travel.
 */
export class FailingKeys {
  readonly #failures = new Map<string, Failing>();
  readonly #wakeUp = new WakeUp();
  #refusedInARow = 0;
  /** Keys that `due` has given out and that `tried` has not given back, with the mode of their try. */
  readonly #trying = new Map<string, ReadMode>();

  /**
   * Counts a failure.
   *
   * @returns whether the key must be named in quarantine now
   */
  failed(key: string, nowMs: number): boolean {
    const inARow = (this.#failures.get(key)?.inARow ?? 0) + 1;
    const quarantined = inARow >= MOST_IN_A_ROW;
    this.#failures.set(key, { inARow, againAt: nowMs + (quarantined ? AGAIN_MS : REST_MS), resting: null });
    if (quarantined) this.#wakeUp.ring();
    return quarantined;
  }

  /**
   * Counts the failures of a batch, and tells the failure of keys from the failure of a server. A server that fails
   * refuses every key. So if many keys in a row are refused, and none succeeds in between, the server has failed. A key
   * that is tried alone does not count: it may be refused again and again, while no other key changes.
   *
   * @param failed how many keys of the batch have failed
   * @param ofBatch keys in the batch
   * @returns whether the keys are to blame; `false` = the server has failed
   */
  areToBlame(failed: number, ofBatch: number): boolean {
    if (failed < ofBatch) this.#refusedInARow = 0;
    else if (ofBatch > 1) this.#refusedInARow += failed;
    return this.#refusedInARow <= MOST_REFUSED_IN_A_ROW;
  }

  /** Keeps a failed key, still checked out, until its next try. */
  rest(work: DirtyKey, mode: ReadMode): void {
    const failing = this.#failures.get(work.key);
    if (failing) this.#failures.set(work.key, { ...failing, resting: { work, mode } });
    this.#wakeUp.ring();
  }

  /** Takes over the keys that earlier attempts have named in quarantine. They are due at once. */
  inherit(keys: readonly string[], nowMs: number): void {
    for (const key of keys) this.#failures.set(key, { inARow: MOST_IN_A_ROW, againAt: nowMs, resting: null });
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * The number of keys in quarantine because of failures. Between two tries they are not checked out, so the dirty set
   * does not count them as pending.
   */
  get given(): number {
    return [...this.#failures.values()].filter(inQuarantine).length;
  }

  /**
   * The number of keys for which the first scan still has to find out whether they are baseline keys: those that rest,
   * and those that are being tried.
   */
  get adopting(): number {
    const resting = [...this.#failures.values()].filter((one) => one.resting?.mode === 'adopt');
    return resting.length + [...this.#trying.values()].filter((mode) => mode === 'adopt').length;
  }

  /** Makes all keys due within 20 ms, because a drain waits for them. */
  hurry(nowMs: number): void {
    for (const [key, failing] of this.#failures)
      this.#failures.set(key, { ...failing, againAt: Math.min(failing.againAt, nowMs + HURRIED_MS) });
    this.#wakeUp.ring();
  }

  /** The try of a key that `due` has given out is over. If it failed again, the key rests again. */
  tried(key: string): void {
    this.#trying.delete(key);
  }

  /** Resolves when `due` may have a key, or when the signal aborts. */
  awaitDue(nowMs: number, signal: AbortSignal): Promise<void> {
    let untilMs = Infinity;
    for (const { againAt } of this.#failures.values()) untilMs = Math.min(untilMs, againAt);
    return this.#wakeUp.rest(signal, Math.max(SHORTEST_REST_MS, untilMs - nowMs));
  }

  /**
   * Takes the keys whose time has come. A large key that is not in quarantine yet is not among them: it waits in the
   * queue of large keys.
   *
   * @param mayBe whether a key in quarantine may be tried now
   */
  due(nowMs: number, mayBe: (key: string) => boolean): readonly Due[] {
    const due: Due[] = [];
    for (const [key, failing] of this.#failures) {
      const { inARow, againAt, resting } = failing;
      if (againAt > nowMs || (!resting && (!inQuarantine(failing) || !mayBe(key)))) continue;
      this.#failures.set(key, { inARow, againAt: nowMs + AGAIN_MS, resting: null });
      due.push({ key, resting });
      if (resting) this.#trying.set(key, resting.mode);
    }
    return due;
  }
}

function inQuarantine({ inARow }: Failing): boolean {
  return inARow >= MOST_IN_A_ROW;
}
