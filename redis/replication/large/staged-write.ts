import { contentIn } from '../../../domain/protocol/protocol.ts';
import { keyBytes } from '../../client/key-bytes.ts';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import { PIECE_BYTES, type Rebuild, ValueMoved } from '../../client/chunked-read.ts';
import { UNREAD } from '../store/state-codec.ts';
import { type Endpoint, readState, walkedState } from './endpoint.ts';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Command, type Redis } from 'ioredis';
import { tagged } from '../../../domain/keys/slot.ts';
import type { EntryWrite } from '../reconcile/build-write.ts';
import type { Mandate, WriteAnswer } from '../store/apply-writes.ts';
import { LeaseLost } from '../store/failure-kinds.ts';
import { authorityOf, besideOf, ledgerOf } from '../store/store-port.ts';

const MOST_COMMANDS = 256;

/** A value to build: its size in bytes if it is a string (`null` = another type), and the commands that rebuild it. */
export type StagedShape = { readonly stringBytes: number | null; readonly pieces: AsyncIterable<Rebuild> };

/** Builds a value under a name of ours. So an app never sees a part of a value. */
export async function buildStaged(
  end: Endpoint,
  shadow: string,
  { stringBytes, pieces }: StagedShape,
): Promise<void> {
  const key = keyBytes(shadow);
  // A write over an old value would free it at once, and all clients would wait. UNLINK frees it in the background.
  await end.redis.unlink(key);
  if (stringBytes !== null) return streamedSet(end.redis, key, stringBytes, bytesOf(pieces));
  let [batch, bytes]: [Rebuild[], number] = [[], 0];
  for await (const piece of pieces) {
    batch.push(piece);
    for (const { length } of piece.args) bytes += length;
    if (bytes < PIECE_BYTES && batch.length < MOST_COMMANDS) continue;
    await sendAll(end, key, batch);
    [batch, bytes] = [[], 0];
  }
  await sendAll(end, key, batch);
}

/**
 * Returns true when the server does not know the command, or does not take these arguments. An error about the state of
 * the server, such as a full memory, is no refusal: the same command can succeed later.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && /^ERR /.test(error.message);
}

/** Sends many small commands. The server serves the apps between them. */
async function sendAll({ redis }: Endpoint, key: Buffer, pieces: readonly Rebuild[]): Promise<void> {
  if (pieces.length === 0) return;
  const pipeline = redis.pipeline();
  for (const { words, args } of pieces) {
    const [name = '', ...rest] = words;
    pipeline.callBuffer(name, ...rest, key, ...args);
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

async function* bytesOf(pieces: AsyncIterable<Rebuild>): AsyncGenerator<Buffer> {
  for await (const { args } of pieces) yield args[0] as Buffer;
}

/**
 * Reads the content of a key of ours back from the server. So the ledger records what really stands there. The content
 * is computed in the way in which later reads compute it, once the key is in place and has its expiry.
 *
 * @param copied content of a large value that was copied as it is, between servers that print values alike; `null` =
 *   read the content back
 */
export async function contentThere(
  end: Endpoint,
  keyspace: Keyspace,
  link: string,
  name: string,
  { copied, expireAt }: { readonly copied: string | null; readonly expireAt: bigint },
): Promise<string> {
  const seen = await readState(end, keyspace, link, name);
  if (seen.digest !== UNREAD && expireAt <= Number.MAX_SAFE_INTEGER) return contentIn(seen.digest);
  return copied ?? contentIn(await walkedState(end, keyBytes(name)));
}

/** Bytes that fill up a value which has become shorter. */
const FILLING = Buffer.alloc(65_536);

/**
 * Sends a SET of a large value. The worker sends it in pieces and never holds the whole value in memory. The server
 * makes no second copy: it takes the argument over as the value. APPEND instead would copy a growing string of 100 MB,
 * which stalls the server for 55 ms (docs/decisions/0010). Nothing else may use the connection meanwhile.
 *
 * The protocol needs the length before the value, and an app may change the value in between. Then the function still
 * sends as many bytes as it has announced. Otherwise it would have to close the connection, and the key would count as
 * failed only because an app has changed it.
 *
 * @param length size of all pieces together, bytes
 * @throws ValueMoved when the pieces have another size, or when reading them throws it: the value that was set is
 *   useless
 * @throws any other error of the pieces; the connection is closed then, and nothing is set
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
  const send = async (bytes: Buffer) => {
    if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), reply]);
  };
  const changed = await sendAsPromised(length, pieces, send).catch((error: unknown) => {
    redis.disconnect();
    throw error;
  });
  socket.write('\r\n');
  await reply;
  if (changed) throw changed;
}

/** @returns the reason why the bytes that were sent are not the value; `null` = they are */
async function sendAsPromised(
  length: number,
  pieces: AsyncIterable<Buffer>,
  send: (bytes: Buffer) => Promise<void>,
): Promise<ValueMoved | null> {
  let left = length;
  let changed: ValueMoved | null = null;
  try {
    for await (const piece of pieces) {
      if (piece.length > left) {
        changed = new ValueMoved('the value became longer');
        break;
      }
      left -= piece.length;
      await send(piece);
    }
  } catch (error) {
    if (!(error instanceof ValueMoved)) throw error;
    changed = error;
  }
  if (left > 0) changed ??= new ValueMoved('the value became shorter');
  for (; left > 0; left -= Math.min(left, FILLING.length)) await send(FILLING.subarray(0, left));
  return changed;
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
}

/** The last step for a large key. Its value already stands in the shadow. */
export type Swap = EntryWrite & {
  readonly act: 'rename' | 'delete' | 'agree';
  /** The expected silent state of the stream, which no WATCH guards: `atOnce` of `StreamSilence` (`endpoint.ts`). */
  readonly silent: string;
  readonly shadow: string;
  /** Content of the shadow, 16 bytes; empty for the other acts. */
  readonly content: string;
};

/** The key that keeps a large old value, when the swap puts it into the journal or the pre-images. */
export function keptNameOf(
  end: Endpoint,
  keyspace: Keyspace,
  link: string,
  { stamp, name }: Pick<Swap, 'stamp' | 'name'>,
): string {
  return besideOf(end, keyspace.kept(link, keyBytes(stamp).toString('hex')), name);
}

/**
 * Puts a large key in place in one atomic step, with its expiry and its ledger entry. The caller has held a WATCH on
 * the key since before it read the state, so the EXEC is a compare-and-set. The script compares what the WATCH does not
 * notice.
 *
 * @throws LeaseLost
 */
export async function swap(
  end: Endpoint,
  keyspace: Keyspace,
  link: string,
  mandate: Mandate,
  one: Swap,
): Promise<WriteAnswer> {
  const keys = [
    tagged(keyspace.lease(mandate.shard), end.tag),
    authorityOf(end, keyspace),
    tagged(keyspace.journal(link), end.tag),
    tagged(keyspace.preimage(link), end.tag),
    keyBytes(one.name),
    ledgerOf(end, keyspace, link, one.name, one.place),
    keyBytes(one.shadow),
    keptNameOf(end, keyspace, link, one),
  ];
  const args = [String(mandate.token), String(mandate.epoch), end.side, one.act, keyBytes(one.expected)];
  const written = [
    one.expectedEntry,
    keyBytes(one.content),
    String(one.expireAt),
    one.place.field,
    one.stamp,
  ];
  const journal = one.journal ? one.stamp + one.name : '';
  const rest = [keyBytes(one.other), one.tail, journal, one.preimage ? '1' : '', one.silent];
  const [, , replies] = await Promise.all([
    end.redis.callBuffer('MULTI'),
    end.run('swap', keys, [...args, ...written, ...rest]),
    end.redis.callBuffer('EXEC') as Promise<unknown[] | null>,
  ]);
  if (replies === null) return 'stale';
  const [reply] = replies;
  if (reply instanceof Error) throw reply;
  const word = String(reply);
  if (word === 'fenced') throw new LeaseLost();
  return word as WriteAnswer;
}
