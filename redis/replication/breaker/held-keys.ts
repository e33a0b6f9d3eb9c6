import { contentIn, type Digest } from '../../../domain/protocol/protocol.ts';

/** The held keys of a suspect side, and the keys that events have named since the side is suspect. */
export class HeldKeys {
  /** For each held key, the content with which it was first held back. */
  readonly #held = new Map<string, string>();
  readonly #heard = new Set<string>();
  #from = '';

  /** @param stamp greater than every stamp from before the side became suspect */
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
    if (!this.#held.has(key)) this.#held.set(key, contentIn(digest));
  }

  release(key: string): void {
    this.#held.delete(key);
  }

  hear(key: string): void {
    this.#heard.add(key);
  }

  /**
   * Whether an app has written the key since the side became suspect. An event alone does not prove that: it may come
   * from a renewed expiry or from another database of the server. So a key that still has the content with which it was
   * held back counts as not written: the server came back with that content.
   *
   * @returns the stamp at which the side became suspect; `null` = no app has written the key since
   */
  writtenSince(key: string, digest: Digest): string | null {
    return this.#heard.has(key) && this.#held.get(key) !== contentIn(digest) ? this.#from : null;
  }
}
