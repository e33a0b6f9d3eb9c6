import type { Redis } from 'ioredis';
import { ABSENT, type Digest } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { keyBytes } from '../key-bytes.ts';
import { placeOf } from '../ledger.ts';
import { type SideState, UNREAD } from '../sync/read-reply.ts';
import { readStates } from '../sync/read-states.ts';
import type { SidePort } from '../sync/side-port.ts';
import { rebuild, type Rebuild } from '../typed/rebuild.ts';
import { hasPieces, Unsteady, walk } from '../typed/walk.ts';
import { contentOf } from './content.ts';

/** One side of a link as the lane of large keys sees it. Nothing else may use its connection: it holds a WATCH. */
export type End = SidePort & { readonly fieldTtls: boolean };

export async function typeOf(redis: Redis, key: Buffer): Promise<string> {
  return String(await redis.callBuffer('TYPE', [key]));
}

export function piecesOf(end: End, key: Buffer, type: string): AsyncGenerator<Rebuild> {
  return walk({ redis: end.redis, key, type, fieldTtls: end.fieldTtls });
}

/**
 * State of a key by a walk over it; the caller holds a WATCH on it. Of a value without pieces only how large it is:
 * its DUMP would hold everybody up (L14).
 */
export async function walkedState(end: End, key: Buffer): Promise<Digest> {
  const type = await typeOf(end.redis, key);
  if (type === 'none') return ABSENT;
  const content = contentOf(type);
  if (hasPieces(type)) for await (const piece of piecesOf(end, key, type)) content.add(piece);
  else content.add(rebuild('', [String(await end.redis.memory('USAGE', key))]));
  const expiry = Buffer.alloc(8);
  expiry.writeBigInt64BE(BigInt(Number(await end.redis.call('PEXPIRETIME', [key]))));
  return content.digest() + expiry.toString('latin1');
}

/** What one script can say of a key: its state, or that it is too large for that. */
export async function lookAtState(
  end: End,
  keyspace: Keyspace,
  link: string,
  name: string,
): Promise<SideState> {
  const question = { name, place: placeOf(name), wanted: 'digest' as const };
  const [seen] = (await readStates(end, keyspace, link, [question])) as [SideState];
  return seen;
}

/** State of a key of whatever size; the caller holds a WATCH on it. */
export async function stateUnderWatch(
  end: End,
  keyspace: Keyspace,
  link: string,
  name: string,
): Promise<Digest> {
  const { digest } = await lookAtState(end, keyspace, link, name);
  return digest === UNREAD ? walkedState(end, keyBytes(name)) : digest;
}

/** Ends the WATCH; what was read since it began is one state. */
export async function prove(end: End): Promise<void> {
  if ((await end.redis.multi().ping().exec()) === null) throw new Unsteady('it changed while it was read');
}
