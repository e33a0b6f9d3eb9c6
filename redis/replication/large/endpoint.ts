import type { Redis } from 'ioredis';
import { ABSENT, type Both, type Digest } from '../../../domain/protocol/protocol.ts';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { keyBytes } from '../../client/key-bytes.ts';
import { entryPlaceOf } from '../../state/ledger.ts';
import type { KeyView } from '../reconcile/key-reader.ts';
import { type SideState, UNREAD } from '../store/state-codec.ts';
import { type NodePort, readStates, type SidePort } from '../store/store-port.ts';
import { hasPieces, rebuild, type Rebuild, ValueMoved, readInChunks } from '../../client/chunked-read.ts';
import { contentOf } from '../reconcile/large-digest.ts';
import {
  digitsOf,
  isInPages,
  type SilentState,
  silentStateAtOnce,
  silentStates,
} from '../reconcile/stream-groups.ts';

/**
 * One server of a side, as the large-key loop uses it. Nothing else may use its connection, because a WATCH is active
 * there: an EXEC of other code would end it.
 */
export type Endpoint = SidePort & { readonly fieldTtls: boolean };

export async function typeOf(redis: Redis, key: Buffer): Promise<string> {
  return String(await redis.callBuffer('TYPE', [key]));
}

export function piecesOf(end: Endpoint, key: Buffer, type: string): AsyncGenerator<Rebuild> {
  return readInChunks({ redis: end.redis, key, type, fieldTtls: end.fieldTtls });
}

/**
 * Computes the state of a key by reading it in pieces. The caller holds a WATCH on the key. When a value cannot be read
 * in pieces (a type of a module), the content covers only its size: a DUMP of the value would stall the apps.
 */
export async function walkedState(end: Endpoint, key: Buffer): Promise<Digest> {
  const type = await typeOf(end.redis, key);
  if (type === 'none') return ABSENT;
  const content = contentOf(type);
  if (hasPieces(type)) for await (const piece of piecesOf(end, key, type)) content.add(piece);
  else content.add(rebuild('', [String(await end.redis.memory('USAGE', key))]));
  const expiry = Buffer.alloc(8);
  expiry.writeBigInt64BE(BigInt(String(await end.redis.call('PEXPIRETIME', [key]))));
  return (await content.digest()) + expiry.toString('latin1');
}

/** Reads the state of a key by script: the state, or `UNREAD` when the key is too large for a script. */
export async function readState(
  end: Endpoint,
  keyspace: Keyspace,
  link: string,
  name: string,
): Promise<SideState> {
  const question = { name, place: entryPlaceOf(name), wanted: 'digest' as const };
  const [seen] = (await readStates(end, keyspace, link, [question])) as [SideState];
  return seen;
}

/** Reads the state of a key of any size. The caller holds a WATCH on the key. */
export async function stateUnderWatch(
  end: Endpoint,
  keyspace: Keyspace,
  link: string,
  name: string,
): Promise<Digest> {
  const { digest } = await readState(end, keyspace, link, name);
  return digest === UNREAD ? walkedState(end, keyBytes(name)) : digest;
}

/**
 * Ends the WATCH, and proves that all pieces read since it began belong to one state.
 *
 * @throws ValueMoved when the key has changed since
 */
export async function proveUnchanged(end: Endpoint, name: string, silence: StreamSilence): Promise<void> {
  if ((await end.redis.multi().ping().exec()) === null) throw new ValueMoved('it changed while it was read');
  await proveSilence(end, name, silence);
}

/**
 * Finds a side where a value of a module's type has changed. We know only the size of such a value, so we cannot tell
 * what the change was. It must not count as unchanged: the caller puts the key into quarantine.
 */
export async function changedUnseen(
  ends: Both<Endpoint>,
  { work, states, names }: KeyView,
): Promise<Side | null> {
  for (const side of ['source', 'target'] as const) {
    if (work.since[side] === undefined || states[side].value.form !== 'large') continue;
    const type = await typeOf(ends[side].redis, keyBytes(names[side]));
    if (type !== 'none' && !hasPieces(type)) return side;
  }
  return null;
}

/** The silent state of a key, read before its pieces. No WATCH notices a change of it. Empty: the key is no stream. */
export type StreamSilence = {
  readonly state: SilentState;
  /** The same state, read in one atomic step, as redis/scripts/swap.lua compares it. */
  readonly atOnce: SilentState;
};

export async function silenceOf(node: NodePort, name: string): Promise<StreamSilence> {
  const [state] = (await silentStates(node, [{ name }])) as [SilentState];
  return { state, atOnce: isInPages(state) ? await silentStateAtOnce(node, name) : digitsOf(state) };
}

/** @throws ValueMoved when the groups have changed, so that the pieces may belong to several moments */
async function proveSilence(node: NodePort, name: string, { state }: StreamSilence): Promise<void> {
  if (state === '') return;
  const [now] = (await silentStates(node, [{ name }])) as [SilentState];
  if (now !== state) throw new ValueMoved('its groups changed while it was read');
}
