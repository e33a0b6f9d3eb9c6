import type { Side } from '../../domain/side.ts';
import type { Breaker } from './breaker.ts';
import type { Proof } from './read-reply.ts';

/**
 * Vouches for the absences of one batch (L5). Each is proven by what was seen with it in one atomic look; a batch may
 * have been read in several, and a proof of one says nothing of the next. Where it does not do, the side is asked: once
 * for all of the batch, because all of it was read before.
 */
export class Absences {
  readonly #breaker: Breaker;
  readonly #proven = new Set<Proof>();
  readonly #asked = new Set<Side>();

  constructor(breaker: Breaker) {
    this.#breaker = breaker;
  }

  /** Resolves when the absence is proven, or the breaker knows why it is not. */
  async vouch(side: Side, proof: Proof | null): Promise<void> {
    if (this.#asked.has(side) || (proof && this.#proven.has(proof))) return;
    if (proof && this.#breaker.proves(side, proof)) {
      this.#proven.add(proof);
      return;
    }
    this.#asked.add(side);
    await this.#breaker.ask(side);
  }
}
