import type { Socket } from 'node:net';

/** What one direction of a connection does with bytes. */
export type Passage =
  | { readonly kind: 'pass' }
  /** Nothing gets through; what came meanwhile does when the passage opens, as TCP sends again. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'late'; readonly ms: number }
  /** So many bytes more, then `spent` is called. */
  | { readonly kind: 'until'; readonly bytes: number };

const SLICES_PER_SECOND = 10;

/** One direction of a proxied connection: keeps what came, and lets it through as the passage of the moment says. */
export class FaultyPipe {
  readonly #to: Socket;
  readonly #spent: () => void;
  readonly #queue: { bytes: Buffer; at: number }[] = [];
  #ended = false;
  #passage: Passage = { kind: 'pass' };
  #left = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param spent called once the bytes of an `until` have passed */
  constructor(to: Socket, spent: () => void) {
    this.#to = to;
    this.#spent = spent;
  }

  set(passage: Passage): void {
    this.#passage = passage;
    if (passage.kind === 'until') this.#left = passage.bytes;
    this.#flow();
  }

  push(bytes: Buffer): void {
    this.#queue.push({ bytes, at: performance.now() });
    // A timer means: a slice has just gone, the next one waits for it.
    if (this.#timer === undefined) this.#flow();
  }

  /** The sender is gone: so is the connection, once all it sent is through. */
  end(): void {
    this.#ended = true;
    if (this.#timer === undefined) this.#flow();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#passage = { kind: 'hold' };
  }

  #flow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const passage = this.#passage;
    if (passage.kind === 'hold') return;
    if (passage.kind === 'slow') return this.#slice(passage.bytesPerSecond);
    if (passage.kind === 'until') return this.#upTo();
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      const waitMs = passage.kind === 'late' ? first.at + passage.ms - performance.now() : 0;
      if (waitMs > 0) return this.#again(waitMs);
      this.#to.write(first.bytes);
      this.#queue.shift();
    }
    if (this.#ended) this.#to.end();
  }

  #slice(bytesPerSecond: number): void {
    const slices = Math.min(SLICES_PER_SECOND, bytesPerSecond);
    const bytes = this.#take(Math.ceil(bytesPerSecond / slices));
    if (bytes) {
      this.#to.write(bytes);
      this.#again(1_000 / slices);
    } else if (this.#ended) this.#to.end();
  }

  #upTo(): void {
    while (this.#left > 0) {
      const bytes = this.#take(this.#left);
      if (!bytes) return;
      this.#left -= bytes.length;
      this.#to.write(bytes);
    }
    this.#spent();
  }

  #take(most: number): Buffer | null {
    const first = this.#queue[0];
    if (!first) return null;
    const taken = first.bytes.subarray(0, most);
    if (taken.length === first.bytes.length) this.#queue.shift();
    else first.bytes = first.bytes.subarray(taken.length);
    return taken;
  }

  #again(ms: number): void {
    this.#timer = setTimeout(() => this.#flow(), ms);
  }
}
