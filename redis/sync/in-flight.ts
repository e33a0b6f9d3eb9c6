/** Work that goes on side by side, at most so many at a time. The first failure is told to who adds next, or waits. */
export class InFlight {
  readonly #most: number;
  readonly #flying = new Set<Promise<void>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when there is room for one more. */
  async add(work: Promise<void>): Promise<void> {
    const flying = work.finally(() => this.#flying.delete(flying));
    // Told by `race` or `landed`; until then nobody may be listening.
    flying.catch(() => undefined);
    this.#flying.add(flying);
    while (this.#flying.size >= this.#most) await Promise.race(this.#flying);
  }

  async landed(): Promise<void> {
    await Promise.all(this.#flying);
  }
}
