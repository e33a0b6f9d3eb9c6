/**
 * Keys carried since the verifier last found everything clean; the oldest go first when there are too many. Two
 * generations: to take the oldest one out of a Map at each new one costs as much as all the rest of a change.
 */
export class RecentKeys {
  static readonly MOST = 20_000;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  add(key: string, nowMs: number): void {
    this.#young.set(key, nowMs);
    if (this.#young.size < RecentKeys.MOST / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Everything carried before `cleanSinceMs` has been seen clean by the verifier. */
  forgetBefore(cleanSinceMs: number): void {
    for (const keys of [this.#old, this.#young]) {
      for (const [key, at] of keys) if (at < cleanSinceMs) keys.delete(key);
    }
  }

  keys(): string[] {
    return [...new Set([...this.#old.keys(), ...this.#young.keys()])];
  }
}
