import type { Socket } from 'node:net';
import type { ServerAddress } from '../client/store-address.ts';
import { openSocket } from '../tls/bare-connection.ts';

/** A server that is silent for longer, ms, counts as gone. While it prepares an RDB it sends a newline every second. */
const SILENCE_MS = 60_000;

/**
 * A raw connection that speaks the part of the protocol that a replica needs in its first minute. It has a socket of
 * its own, because the RDB that follows PSYNC is not a reply, and no client library hands it over unbuffered.
 */
export class ReplicaLink {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    // Each read reports the error. Without this listener an error between two reads would end the process.
    socket.on('error', () => {});
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  send(...words: readonly string[]): void {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.#socket.write(`*${words.length}\r\n${parts.join('')}`);
  }

  /**
   * Sends a command and reads its one-line or bulk reply.
   *
   * @throws ReplicaRefused on an error reply
   */
  async ask(...words: readonly string[]): Promise<string> {
    this.send(...words);
    const line = await this.line();
    if (!line.startsWith('$')) return line;
    return (await this.exactly(Number(line.slice(1)) + 2)).toString('latin1');
  }

  /** Returns the next line that is not empty. The server sends empty lines to show that it is alive. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end < 0) {
        this.#rest = Buffer.concat([this.#rest, await this.#more()]);
        continue;
      }
      const line = this.#rest.subarray(0, end).toString('latin1').trimEnd();
      this.#rest = this.#rest.subarray(end + 1);
      if (line.startsWith('-')) throw new ReplicaRefused(line.slice(1));
      if (line !== '') return line;
    }
  }

  /** Returns the bytes that have arrived: at least one byte, at most `limit`. */
  async some(limit: number): Promise<Buffer> {
    if (this.#rest.length === 0) this.#rest = await this.#more();
    const part = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  async exactly(length: number): Promise<Buffer> {
    while (this.#rest.length < length) this.#rest = Buffer.concat([this.#rest, await this.#more()]);
    return this.some(length);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #more(): Promise<Buffer> {
    const next = await this.#chunks.next();
    if (next.done) throw new Error('the server closed the connection');
    return next.value;
  }
}

/** Opens the socket. An abort destroys it, and so ends every read on it. */
export async function openReplicaLink(address: ServerAddress, signal: AbortSignal): Promise<ReplicaLink> {
  signal.throwIfAborted();
  const socket = openSocket(address);
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort);
  socket.once('close', () => signal.removeEventListener('abort', abort));
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('no answer in time')));
  await new Promise<void>((resolve, reject) => {
    socket.once(address.tls ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
  });
  return new ReplicaLink(socket);
}

/**
 * Logs in with the user and password of the URL, or with its password only. A server may need none: that is no error.
 */
export async function logIn(link: ReplicaLink, { username, password }: ServerAddress): Promise<void> {
  if (password === undefined) return;
  await link.ask('AUTH', ...(username === undefined ? [] : [username]), password).catch((error: unknown) => {
    if (!(error instanceof ReplicaRefused && /without any password/.test(error.message))) throw error;
  });
}

/** An error reply in the server's own words. They must not be shown, because they may name a user. */
export class ReplicaRefused extends Error {
  override readonly name = 'ReplicaRefused';
}
