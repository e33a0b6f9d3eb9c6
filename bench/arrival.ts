import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;
/** Our own few signals (status, beats) that may come after the last key. */
const OWN_SIGNALS = 16;

/**
 * Watches from outside how a server fills, the same way for everybody: `filledAt` is the moment when it first held
 * as many keys as in the end. One DBSIZE each 5 ms; a server that loads a snapshot does not answer and is asked again.
 */
export class Arrival {
  readonly #seen: { readonly at: number; readonly size: number }[] = [];
  readonly #watching: Promise<void>;
  #over = false;

  constructor(target: Redis) {
    this.#watching = this.#watch(target);
  }

  async filledAt(): Promise<number> {
    this.#over = true;
    await this.#watching;
    const last = this.#seen.at(-1)?.size ?? NaN;
    return this.#seen.find(({ size }) => size >= last - OWN_SIGNALS)?.at ?? NaN;
  }

  async #watch(target: Redis): Promise<void> {
    while (!this.#over) {
      await this.#look(target);
      await delay(POLL_MS);
    }
    await this.#look(target);
  }

  async #look(target: Redis): Promise<void> {
    const size = await target.dbsize().catch(() => null);
    if (size !== null && size !== this.#seen.at(-1)?.size) this.#seen.push({ at: performance.now(), size });
  }
}
