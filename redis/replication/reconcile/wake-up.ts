/** Longest rest, ms. A rest without a time of its own ends then too. */
const LONGEST_MS = 60_000;

/**
 * Lets one loop rest until there is work for it. A loop that looked every few milliseconds instead would cost a tenth
 * of a core while nothing happens.
 */
export class WakeUp {
  #rung = false;
  #wake: (() => void) | null = null;

  /** Ends the rest. If the loop does not rest now, its next rest ends at once. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /**
   * Rests until `ring`, until the signal aborts, or for `ms`, at most a minute.
   *
   * @throws Error when another loop rests here: a ring would wake only one of them
   */
  async rest(signal: AbortSignal, ms = LONGEST_MS): Promise<void> {
    if (this.#wake) throw new Error('two loops rest at one WakeUp');
    if (!this.#rung && !signal.aborted)
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          this.#wake = null;
          resolve();
        };
        const timer = setTimeout(wake, Math.min(ms, LONGEST_MS));
        signal.addEventListener('abort', wake, { once: true });
        this.#wake = wake;
      });
    this.#rung = false;
  }
}
