/** Keys carried since the verifier last found everything clean; the oldest go first when there are too many. */
export class RecentKeys {
  static readonly MOST = 20_000;
  readonly #at = new Map<string, number>();

  add(key: string, nowMs: number): void {
    this.#at.delete(key);
    this.#at.set(key, nowMs);
    if (this.#at.size > RecentKeys.MOST) {
      const [oldest] = this.#at.keys();
      if (oldest !== undefined) this.#at.delete(oldest);
    }
  }

  /** Everything carried before `cleanSinceMs` has been seen clean by the verifier. */
  forgetBefore(cleanSinceMs: number): void {
    for (const [key, at] of this.#at) {
      if (at >= cleanSinceMs) return;
      this.#at.delete(key);
    }
  }

  keys(): string[] {
    return [...this.#at.keys()];
  }
}
