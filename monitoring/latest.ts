type Said<T> = { readonly word: T; readonly atMs: number };

/**
 * Keeps the newest status of each subject, and the time at which it came here, on a clock of this process that never
 * jumps. A status that is older than `staleMs` no longer counts as fresh, because the process that wrote it may be
 * dead.
 */
export class Latest<T> {
  readonly #byName = new Map<string, Said<T>>();
  readonly #staleMs: number;
  readonly #nowMs: () => number;

  constructor(staleMs: number, nowMs: () => number) {
    this.#staleMs = staleMs;
    this.#nowMs = nowMs;
  }

  /** Takes the newest status of a subject. */
  remember(name: string, word: T): void {
    this.#byName.set(name, { word, atMs: this.#nowMs() });
  }

  forgetAll(): void {
    this.#byName.clear();
  }

  /** @returns all statuses, also stale ones */
  all(): readonly T[] {
    return [...this.#byName.values()].map(({ word }) => word);
  }

  /** @returns only the statuses that are not older than `staleMs` */
  fresh(): readonly T[] {
    return this.ages()
      .filter(([, ageMs]) => ageMs <= this.#staleMs)
      .map(([word]) => word);
  }

  /** @returns all statuses, each with its age in ms */
  ages(): readonly (readonly [word: T, ageMs: number])[] {
    return [...this.#byName.values()].map(({ word, atMs }) => [word, this.#nowMs() - atMs]);
  }
}
