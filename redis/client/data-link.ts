import type { Socket } from 'node:net';
import { type Command, Redis, type RedisOptions } from 'ioredis';

/** Longest silence of a connection while it awaits a reply, ms. A command that was sent may still take effect. */
export const REPLY_MS = 10_000;

/** Checks of a connection within its longest silence. */
const CHECKS_PER_LIMIT = 10;
const MOST_APART_MS = 1_000;
/**
 * At most this many intervals between checks count as silence at one check. A longer gap is our own fault: a process
 * that was busy or stopped could not read, so the peer was not silent.
 */
const MAX_COUNTED_INTERVALS = 2;

export type LinkOptions = RedisOptions & {
  /** Longest silence, ms. @defaultValue REPLY_MS */
  readonly replyMs?: number;
};

/** The type of `duplicate` as ioredis declares it, for the replies of both protocols. */
type Duplicate<T extends LinkOptions | undefined> = ReturnType<typeof Redis.prototype.duplicate<T>>;

/** The peer was silent for too long, and the connection is closed. Commands that were sent may have taken effect. */
export class LineSilent extends Error {
  override readonly name = 'LineSilent';
  constructor(replyMs: number) {
    super(`no answer: nothing moved on the connection for ${replyMs} ms, so it is closed`);
  }
}

/** A server did not let us into the database that the URL names. The connection is closed, and has sent no command. */
export class DatabaseRefused extends Error {
  override readonly name = 'DatabaseRefused';
  readonly database: number;
  constructor(database: number, cause: Error) {
    super(`SELECT ${database} failed`, { cause });
    this.database = database;
  }
}

/**
 * A connection to a server. It differs from a plain ioredis connection in three ways:
 *
 * - It ends when the server does not let it into the database of its options (`DatabaseRefused`), at its beginning and
 *   whenever it connects again.
 * - An integer in a reply that a JavaScript number cannot hold exactly is returned as its decimal text. ioredis rounds
 *   such an integer without an error.
 * - The connection ends when it is silent while it awaits a reply, however long that reply takes in total
 *   (`SilenceLimit`). ioredis has a limit on the total time, and another limit that counts a long write as silence.
 */
export class DataLink extends Redis {
  readonly #replyMs: number;
  readonly #limit: SilenceLimit;
  #unanswered = 0;
  #looks: NodeJS.Timeout | undefined;
  #lookedAtMs = 0;
  #moved: Moved = { received: 0, sent: 0 };
  /** Why we ended the connection ourselves. */
  #ended: Error | null = null;

  /** @param options name the server too: ioredis would take more from a URL than we want */
  constructor({ replyMs = REPLY_MS, ...options }: LinkOptions) {
    super({ ...options, stringNumbers: true, replyMapping: 'legacy' });
    this.#replyMs = replyMs;
    this.#limit = new SilenceLimit(replyMs);
    this.on('ready', () => (this.#ended = null));
  }

  /**
   * Returns another `DataLink`. The method of ioredis returns a plain connection, which may be silent for ever. With
   * our options it would also return every integer as text.
   */
  override duplicate<T extends LinkOptions | undefined = undefined>(override?: T): Duplicate<T> {
    const all = { ...this.options, replyMs: this.#replyMs, ...override };
    return new DataLink(all) as Redis as Duplicate<T>;
  }

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    const { resolve, reject } = command;
    let answered = false;
    const end = (by: 'answer' | 'error') => {
      if (answered) return;
      answered = true;
      this.#unanswered--;
      if (by === 'answer') this.#limit.answered();
    };
    if (this.#unanswered++ === 0) this.#limit.begin();
    command.resolve = (reply) => {
      end('answer');
      resolve(exact(reply));
    };
    command.reject = (error) => {
      // This is the time limit of ioredis itself. The reply is still to come.
      if (error.message !== 'Command timed out') end(error.name === 'ReplyError' ? 'answer' : 'error');
      if (error.message.startsWith('WRONGPASS')) this.#ended ??= error;
      if (command.name === 'select') this.#leave(error, reject);
      else reject(this.#ended ?? error);
    };
    this.#watch();
    return super.sendCommand(command, stream);
  }

  /**
   * Ends the connection, because a SELECT failed. ioredis would go on, and everything would happen in database 0. The
   * command is rejected only when the connection is closed. ioredis awaits it before it sends anything of ours.
   */
  #leave(error: Error, reject: (error: Error) => void): void {
    const socket = this.#socket;
    if (!socket) return reject(this.#ended ?? error);
    // Without a login the server answers NOAUTH to every command.
    const refused = error.name === 'ReplyError' && !error.message.startsWith('NOAUTH');
    const ended = this.#ended ?? (refused ? new DatabaseRefused(this.options.db ?? 0, error) : error);
    this.#ended = ended;
    this.once('close', () => reject(ended));
    socket.destroy(ended);
  }

  /**
   * Checks the connection only while a reply is awaited. An idle connection has no timer and keeps no process alive.
   */
  #watch(): void {
    if (this.#looks) return;
    const everyMs = Math.min(MOST_APART_MS, this.#replyMs / CHECKS_PER_LIMIT);
    this.#lookedAtMs = performance.now();
    if (this.#socket) this.#moved = movedBytes(this.#socket);
    this.#looks = setInterval(() => this.#look(MAX_COUNTED_INTERVALS * everyMs), everyMs).unref();
  }

  get #socket(): Socket | null {
    const socket = this.stream as Socket | undefined;
    return socket && !socket.destroyed ? socket : null;
  }

  #look(mostMs: number): void {
    if (this.#unanswered === 0) {
      clearInterval(this.#looks);
      this.#looks = undefined;
      return;
    }
    const socket = this.#socket;
    // `connectTimeout` limits the time to connect.
    if (!socket || socket.connecting) return;
    const [before, atMs] = [this.#moved, performance.now()];
    this.#moved = movedBytes(socket);
    const moved = {
      received: Math.max(0, this.#moved.received - before.received),
      sent: Math.max(0, this.#moved.sent - before.sent),
    };
    const elapsedMs = Math.min(mostMs, atMs - this.#lookedAtMs);
    this.#lookedAtMs = atMs;
    if (!this.#limit.passed(elapsedMs, moved)) return;
    this.#ended = new LineSilent(this.#replyMs);
    socket.destroy(this.#ended);
  }
}

/** Turns integers back into numbers where a number is exact. At this point text is an integer: strings are Buffers. */
function exact(reply: unknown): unknown {
  if (Array.isArray(reply)) {
    for (const [i, item] of reply.entries()) if (!Buffer.isBuffer(item)) reply[i] = exact(item);
    return reply;
  }
  if (typeof reply !== 'string' || !INTEGER.test(reply)) return reply;
  const number = Number(reply);
  return Number.isSafeInteger(number) ? number : reply;
}

const INTEGER = /^-?\d+$/;

/** Undocumented fields of Node's socket handle. On Node 20 the queue size shrinks while a single write is sent. */
type Handle = { readonly bytesWritten?: number; readonly writeQueueSize?: number; readonly _parent?: Handle };

/**
 * Returns the bytes that a socket has moved since it was opened. `socket.bytesWritten` counts a write of 40 MB as soon
 * as it is requested, so we subtract the bytes that still wait in the process. With TLS they wait in the socket below,
 * so we read that one.
 */
function movedBytes(socket: Socket): Moved {
  const { _handle: own } = socket as Socket & { readonly _handle?: Handle | null };
  const handle = own?._parent ?? own;
  const { bytesWritten, writeQueueSize } = handle ?? {};
  const known = bytesWritten !== undefined && writeQueueSize !== undefined;
  const sent = known ? bytesWritten - writeQueueSize : socket.bytesWritten - socket.writableLength;
  return { received: socket.bytesRead, sent };
}

/**
 * A connection that moves fewer bytes counts as silent. The limit is 32 KiB/s, a quarter of a Mbit/s: the part of each
 * of eighty connections that share a line of 2.5 MB/s. On a slower line the sync cannot keep up with live data.
 */
const LEAST_BYTES_PER_MS = (32 * 1024) / 1_000;
/**
 * Most bytes that the kernel takes from a writer before it sends them: the largest send buffer that Linux allocates by
 * default (`tcp_wmem`). While this buffer drains, the process sees no byte move.
 */
const MOST_BUFFERED_BYTES = 4 * 1024 * 1024;
const MOST_UNDER_WAY_MS = MOST_BUFFERED_BYTES / LEAST_BYTES_PER_MS;

/** Bytes that one connection has moved since some moment. `sent`: bytes that the kernel has taken. */
type Moved = { readonly received: number; readonly sent: number };

/**
 * Tracks how much longer a connection may be silent. Only silence in both directions ends a connection, never the
 * total time of a reply. With a limit on the total time, a large value on a slow line would never arrive, however
 * often the sync tries.
 *
 * - Time that passes lowers the remaining time.
 * - A complete reply restores the whole time.
 * - Received bytes give back the time that the slowest permitted line needs for them.
 * - Sent bytes may be in flight for as long as the slowest permitted line needs for them. Silence counts only after
 *   that.
 */
class SilenceLimit {
  readonly #limitMs: number;
  #leftMs: number;
  #underWayMs = 0;

  /** @param limitMs longest silence, ms */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#leftMs = limitMs;
  }

  /** Starts the count: a command is sent, and no other command awaits its reply. */
  begin(): void {
    this.#leftMs = this.#limitMs;
    this.#underWayMs = 0;
  }

  /** A complete reply has arrived. Other replies may still be awaited. */
  answered(): void {
    this.#leftMs = this.#limitMs;
  }

  /**
   * Takes the bytes that moved in the `elapsedMs` since the last call.
   *
   * @returns whether the connection has been silent for too long
   */
  passed(elapsedMs: number, { received, sent }: Moved): boolean {
    this.#underWayMs = Math.min(MOST_UNDER_WAY_MS, this.#underWayMs + sent / LEAST_BYTES_PER_MS);
    const underWay = Math.min(this.#underWayMs, elapsedMs);
    this.#underWayMs -= underWay;
    const left = this.#leftMs - (elapsedMs - underWay) + received / LEAST_BYTES_PER_MS;
    this.#leftMs = Math.min(this.#limitMs, left);
    return left <= 0;
  }
}
