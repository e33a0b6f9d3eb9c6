import type { Redis } from 'ioredis';
import type { Writable } from 'node:stream';

const corked = new WeakSet<Writable>();

/**
 * What is sent on one connection in one turn of the event loop goes out as one system call: on small batches the
 * calls into the kernel cost the worker more than anything else. Nobody waits longer for it than the turn lasts.
 */
export function asOneWrite(redis: Redis): void {
  const stream = redis.stream as Writable | null;
  if (!stream || corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  setImmediate(() => {
    corked.delete(stream);
    stream.uncork();
  });
}
