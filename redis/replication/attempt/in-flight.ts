/**
 * Works that run side by side. A failure is kept until a caller asks for room or for the end: a work may fail while no
 * caller waits, and a batch that is lost in silence leaves its keys checked out of the dirty set for good.
 */
export class InFlight {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;

  /**
   * Adds work. Resolves when fewer than `most` works are running, so that there is room for one more.
   *
   * @throws the first failure of a work that was added before, or of this one
   */
  async add(work: Promise<void>, most: number): Promise<void> {
    const running = work
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    await this.#fewerThan(most);
  }

  /**
   * Resolves when all works have succeeded.
   *
   * @throws the first failure
   */
  async landed(): Promise<void> {
    await this.#fewerThan(1);
  }

  /** Resolves when all works have ended. Throws no failure. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #fewerThan(most: number): Promise<void> {
    while (this.#failure === null && this.#running.size >= most) await Promise.race(this.#running);
    if (this.#failure !== null) throw this.#failure.error;
  }
}
