import type { Work } from '../sync/dirty-keys.ts';
import type { Manner } from '../sync/reconcile.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** A key in the lane: in our hand until it has been seen to, so it counts as pending and nobody else takes it. */
export type LargeWork = {
  readonly work: Work;
  readonly manner: Manner;
  readonly tries: number;
  readonly notBefore: number;
};

/** Large keys that wait for the lane, in order of their time. One that keeps changing waits longer each time. */
export class LargeKeys {
  readonly #waiting = new Set<LargeWork>();
  #adopting = 0;

  add(work: Work, manner: Manner): void {
    this.#waiting.add({ work, manner, tries: 0, notBefore: 0 });
    if (manner === 'adopt') this.#adopting++;
  }

  done({ manner }: LargeWork): void {
    if (manner === 'adopt') this.#adopting--;
  }

  /** Keys still to be told apart into V2's own and others. */
  get adopting(): number {
    return this.#adopting;
  }

  /** @param manner another than before, where the key has turned out to be no key of V2's own */
  again(one: LargeWork, nowMs: number, manner = one.manner): void {
    if (manner !== one.manner) this.done(one);
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** one.tries);
    this.#waiting.add({ ...one, manner, tries: one.tries + 1, notBefore: nowMs + wait });
  }

  take(nowMs: number): LargeWork | null {
    for (const one of this.#waiting) {
      if (one.notBefore > nowMs) continue;
      this.#waiting.delete(one);
      return one;
    }
    return null;
  }

  /** Why large keys wait, for the status; no key is named (L12). */
  reason(): string | null {
    const restless = [...this.#waiting].filter(({ tries }) => tries > 0).length;
    return restless === 0 ? null : `large keys: ${restless} changed while they were read, and are read again`;
  }
}
