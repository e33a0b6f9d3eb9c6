import { keyBytes } from '../key-bytes.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { Rebuild } from '../typed/rebuild.ts';
import { PIECE_BYTES } from '../typed/walk.ts';
import { UNREAD } from '../sync/read-reply.ts';
import { type End, lookAtState, walkedState } from './end.ts';
import { streamedSet } from './streamed-set.ts';

const MOST_COMMANDS = 256;

/** A value on its way: how many bytes it has if it is a string, and the commands that rebuild it. */
export type Shape = { readonly stringBytes: number | null; readonly pieces: AsyncIterable<Rebuild> };

/** Builds a value under a name of our own, where nobody sees it grow. */
export async function buildShadow(end: End, shadow: string, { stringBytes, pieces }: Shape): Promise<void> {
  const key = keyBytes(shadow);
  // Never written over: that would free the old value while everybody waits.
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

/** Many small commands: the server serves others between them. */
async function sendAll({ redis }: End, key: Buffer, pieces: readonly Rebuild[]): Promise<void> {
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
 * Content of a key of ours as the server has it: what the ledger says is what stands there.
 *
 * @param copied of a large value that was copied as it is between servers that print alike; `null` = read it back
 */
export async function contentThere(
  end: End,
  keyspace: Keyspace,
  link: string,
  name: string,
  copied: string | null,
): Promise<string> {
  const seen = await lookAtState(end, keyspace, link, name);
  if (seen.digest !== UNREAD) return seen.digest.slice(0, 8);
  return copied ?? (await walkedState(end, keyBytes(name))).slice(0, 8);
}
