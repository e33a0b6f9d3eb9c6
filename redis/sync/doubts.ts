import type { Digest } from '../../domain/digest.ts';

/** The keys of a suspect side: which are held back, and which an app has written since it is suspect (L5). */
export class Doubts {
  readonly #held = new Map<string, string>();
  readonly #heard = new Set<string>();
  #from = '';

  /** @param stamp greater than all that were given before the side became suspect */
  begin(stamp: string): void {
    this.#from = stamp;
  }

  end(): void {
    this.#held.clear();
    this.#heard.clear();
  }

  get held(): number {
    return this.#held.size;
  }

  hold(key: string, digest: Digest): void {
    if (!this.#held.has(key)) this.#held.set(key, contentOf(digest));
  }

  release(key: string): void {
    this.#held.delete(key);
  }

  hear(key: string): void {
    this.#heard.add(key);
  }

  /**
   * The stamp at which the doubt began, where an app has written the key since; else `null`. An event alone does not
   * say so: it may be of an expiry that was renewed, or of another database of the server. What was held back with
   * this very content is what the server came back with.
   */
  writtenSince(key: string, digest: Digest): string | null {
    return this.#heard.has(key) && this.#held.get(key) !== contentOf(digest) ? this.#from : null;
  }
}

function contentOf(digest: Digest): string {
  return digest.slice(0, 8);
}
