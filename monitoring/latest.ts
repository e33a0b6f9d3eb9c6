/** The newest status of each subject; after `staleMs` it is believed no more (L7). `at` is ms since epoch. */
export class Latest<T extends { readonly at: number }> {
  readonly #byName = new Map<string, T>();
  readonly #staleMs: number;
  readonly #nowMs: () => number;

  constructor(staleMs: number, nowMs: () => number) {
    this.#staleMs = staleMs;
    this.#nowMs = nowMs;
  }

  remember(name: string, status: T): void {
    this.#byName.set(name, status);
  }

  forgetAll(): void {
    this.#byName.clear();
  }

  all(): readonly T[] {
    return [...this.#byName.values()];
  }

  fresh(): readonly T[] {
    return this.all().filter((status) => this.#nowMs() - status.at <= this.#staleMs);
  }
}
