import { keyBytes } from '../key-bytes.ts';
import { readStates } from '../sync/read-states.ts';
import { placeOf } from '../ledger.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { type Rebuild, send } from '../typed/rebuild.ts';
import { type End, walkedState } from './end.ts';
import { streamedSet } from './streamed-set.ts';

const IN_FLIGHT = 8;

/** A value on its way: how many bytes it has if it is a string, and the commands that rebuild it. */
export type Shape = { readonly stringBytes: number | null; readonly pieces: AsyncIterable<Rebuild> };

/** Builds a value under a name of our own, where nobody sees it grow. */
export async function buildShadow(end: End, shadow: string, { stringBytes, pieces }: Shape): Promise<void> {
  const key = keyBytes(shadow);
  // Never written over: that would free the old value while everybody waits.
  await end.redis.unlink(key);
  if (stringBytes !== null) return streamedSet(end.redis, key, stringBytes, bytesOf(pieces));
  const flying: Promise<unknown>[] = [];
  for await (const piece of pieces) {
    const sent = send(end.redis, key, piece);
    sent.catch(() => undefined);
    flying.push(sent);
    if (flying.length >= IN_FLIGHT) await flying.shift();
  }
  await Promise.all(flying);
}

async function* bytesOf(pieces: AsyncIterable<Rebuild>): AsyncGenerator<Buffer> {
  for await (const { args } of pieces) yield args[0] as Buffer;
}

/** Content of a key of ours as the server has it, read back: what the ledger says is what stands there. */
export async function contentThere(
  end: End,
  keyspace: Keyspace,
  link: string,
  name: string,
): Promise<string> {
  const question = { name, place: placeOf(name), wanted: 'digest' as const };
  const [seen] = await readStates(end, keyspace, link, [question]);
  const digest = seen?.value.form === 'large' ? await walkedState(end, keyBytes(name)) : seen?.digest;
  return (digest ?? '').slice(0, 8);
}
