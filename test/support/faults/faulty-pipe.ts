import type { Socket } from 'node:net';

/** What one direction of a connection does with its bytes. */
export type Passage =
  | { readonly kind: 'pass' }
  /** Nothing passes. When the passage opens, the bytes that came meanwhile pass, as TCP would send them again. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'late'; readonly ms: number }
  /** This many more bytes pass, then `spent` is called. */
  | { readonly kind: 'until'; readonly bytes: number };

const SLICES_PER_SECOND = 10;
/** Slices of a faster line. With few slices, each piece of an answer would wait for a long time. */
const FINE_SLICES_PER_SECOND = 100;
const FINE_BYTES_PER_SECOND = 100_000;
/** How many bytes a slow line buffers. With more of them the sender has to wait. */
const MOST_HELD_BYTES = 64 * 1024;

/**
 * One direction of a proxied connection. It queues the bytes that come, and passes them on as the current passage says.
 */
export class FaultyPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #spent: () => void;
  readonly #queue: { bytes: Buffer; at: number }[] = [];
  #ended = false;
  #passage: Passage = { kind: 'pass' };
  #left = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param spent called once the bytes of an `until` have passed */
  constructor(from: Socket, to: Socket, spent: () => void) {
    this.#from = from;
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
    if (this.#passage.kind === 'slow' && this.#held > MOST_HELD_BYTES) this.#from.pause();
    // While a timer runs, the next bytes have to wait for it.
    if (this.#timer === undefined) this.#flow();
  }

  /** The sender has closed its end. The connection closes when everything that it sent has passed. */
  end(): void {
    this.#ended = true;
    if (this.#timer === undefined) this.#flow();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#passage = { kind: 'hold' };
  }

  get #held(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  #flow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const passage = this.#passage;
    if (this.#held <= MOST_HELD_BYTES || passage.kind !== 'slow') this.#from.resume();
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
    const most = bytesPerSecond < FINE_BYTES_PER_SECOND ? SLICES_PER_SECOND : FINE_SLICES_PER_SECOND;
    const slices = Math.min(most, bytesPerSecond);
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
