/** Work that goes on side by side. The first failure is told to who adds next, or waits. */
export class InFlight {
  readonly #flying = new Set<Promise<void>>();

  /** Resolves when fewer than `most` are under way: there is room for one more. */
  async add(work: Promise<void>, most: number): Promise<void> {
    const flying = work.finally(() => this.#flying.delete(flying));
    // Told by `race` or `landed`; until then nobody may be listening.
    flying.catch(() => undefined);
    this.#flying.add(flying);
    while (this.#flying.size >= most) await Promise.race(this.#flying);
  }

  async landed(): Promise<void> {
    await Promise.all(this.#flying);
  }

  /** Resolves when nothing is under way any more, however it ended. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#flying);
  }
}
