import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A server that is silent for longer is gone: while it prepares an RDB it sends a newline every second. */
const SILENCE_MS = 60_000;

/**
 * A raw connection that speaks as much of the protocol as a replica's first minute needs. A socket of our own,
 * because the RDB that follows PSYNC is no reply and no client library hands it over unbuffered.
 */
export class ReplicaLink {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    // Each read reports the error; without a listener one between two reads would end the process.
    socket.on('error', () => {});
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  send(...words: readonly string[]): void {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.#socket.write(`*${words.length}\r\n${parts.join('')}`);
  }

  /** Sends a command and reads its one-line or bulk reply. An error reply throws `ReplicaRefused`. */
  async ask(...words: readonly string[]): Promise<string> {
    this.send(...words);
    const line = await this.line();
    if (!line.startsWith('$')) return line;
    return (await this.exactly(Number(line.slice(1)) + 2)).toString('latin1');
  }

  /** The next line; empty ones are the server's way to say that it is still there. */
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

  /** Whatever has arrived, at least one byte and at most `limit`. */
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

/** Opens the socket; an abort destroys it, which ends every read on it. */
export async function openReplicaLink(url: URL, signal: AbortSignal): Promise<ReplicaLink> {
  signal.throwIfAborted();
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const address = { host, port: Number(url.port || 6379) };
  // A name only: TLS knows no server name for an address.
  const servername = isIP(host) ? undefined : host;
  const encrypted = url.protocol === 'rediss:';
  const socket = encrypted ? connectTls({ ...address, servername }) : connectTcp(address);
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort);
  socket.once('close', () => signal.removeEventListener('abort', abort));
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('no answer in time')));
  await new Promise<void>((resolve, reject) => {
    socket.once(encrypted ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
  });
  return new ReplicaLink(socket);
}

/** Logs in with the URL's user and password, or password only. One for a server that wants none is no obstacle. */
export async function logIn(link: ReplicaLink, url: URL): Promise<void> {
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  if (password === '') return;
  await link.ask('AUTH', ...(user === '' ? [] : [user]), password).catch((error: unknown) => {
    if (!(error instanceof ReplicaRefused && /without any password/.test(error.message))) throw error;
  });
}

/** An error reply, in the server's own words: never shown as they are, they may name a user (L12). */
export class ReplicaRefused extends Error {
  override readonly name = 'ReplicaRefused';
}
