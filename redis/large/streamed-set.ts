import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Command, type Redis } from 'ioredis';

/** The length of what was sent is not the one that was promised: the connection is good for nothing any more. */
class Torn extends Error {
  override readonly name = 'Torn';
}

/**
 * SET of a value that never is in memory as a whole, on neither side of the wire: the server takes the argument over
 * as the value. APPEND would copy a growing 100 MB string for 55 ms (docs/decisions). Nothing else may be sent on the
 * connection meanwhile.
 *
 * @param length bytes that the pieces have together
 * @throws when they have not; the connection is closed then, and nothing is set
 */
export async function streamedSet(
  redis: Redis,
  key: Buffer,
  length: number,
  pieces: AsyncIterable<Buffer>,
): Promise<void> {
  const socket = redis.stream as Socket;
  const head = Buffer.concat([
    Buffer.from(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n`),
    key,
    Buffer.from(`\r\n$${length}\r\n`),
  ]);
  const command = new StreamedCommand(head);
  const reply = redis.sendCommand(command) as Promise<unknown>;
  reply.catch(() => undefined);
  let sent = 0;
  try {
    for await (const piece of pieces) {
      sent += piece.length;
      if (sent > length) break;
      if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), reply]);
    }
    if (sent !== length) throw new Torn('the value changed its length');
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  socket.write('\r\n');
  await reply;
}

class StreamedCommand extends Command {
  readonly #head: Buffer;

  constructor(head: Buffer) {
    super('set', []);
    this.#head = head;
  }

  override toWritable(): Buffer {
    return this.#head;
  }

  /** What it takes depends on the length; the socket's own timeout ends a silent line. */
  override setTimeout(): void {}
}
