import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import type { Store } from '../../domain/plan/plan.ts';
import { nodesOf } from '../client/cluster-client.ts';
import type { OpenStore, Stores } from '../client/stores.ts';
import type { AclRule } from './acl-rule.ts';

/**
 * The two places that hold the rules of a store's users while they are fenced: the store itself (`redis`), and a store
 * of the other side (`keeper`).
 */
export type FencePlaces = {
  readonly store: Store;
  readonly redis: Redis;
  readonly keyspace: Keyspace;
  readonly keeper: Redis;
};

/**
 * The record of one fenced user. It is written before the user's rule changes, so that the way back exists first. It
 * holds rights only, no flag and no password, because the apps can read it.
 */
export type FenceRecord = {
  /** The server keeps the fence over a restart, or the plan allows it to forget. */
  readonly saved: boolean;
  /** The fence is being lowered, so no fence keeper raises it again. */
  readonly lowering: boolean;
  /** The rule from before the fence. */
  readonly before: AclRule;
  /** The rule that the fence leaves. Only a user who still has it gets `before` back. */
  readonly left: AclRule;
};

/**
 * Returns the key of a record. `id` names the server, because each server has rules of its own; '' = the store's only
 * one.
 */
export function recordOf({ keyspace }: FencePlaces, user: string, id: string): string {
  return id === '' ? keyspace.fence(user) : `${keyspace.fence(user)}:${id}`;
}

/** Returns the field of the copy on the other side. If this side loses its data, the copy is still there. */
function copyOf({ store }: FencePlaces, user: string, id: string): string {
  return id === '' ? `${store.name} ${user}` : `${store.name} ${user} ${id}`;
}

/**
 * Reads the record of a user on one server, or else its copy. The node with the record may be gone, or the side with
 * the copy, so one of the two is enough.
 *
 * @returns `null` if both places answered and neither has it
 * @throws RecordUnreadable
 * @throws the error of a place that did not answer, if the other one has no record
 */
export async function readRecord(kept: FencePlaces, user: string, id: string): Promise<FenceRecord | null> {
  let failure: unknown;
  for (const read of [
    () => kept.redis.get(recordOf(kept, user, id)),
    () => kept.keeper.hget(kept.keyspace.fenced(), copyOf(kept, user, id)),
  ]) {
    try {
      const text = await read();
      if (text !== null) return recordIn(text);
    } catch (error) {
      if (error instanceof RecordUnreadable) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return null;
}

/**
 * Writes the record on the store, then its copy on the other side. If a later attempt has closed our connections to the
 * store, the first write fails, and no late copy is left on the other side.
 */
export async function writeRecord(
  kept: FencePlaces,
  user: string,
  id: string,
  record: FenceRecord,
): Promise<void> {
  const text = textOf(record);
  await kept.redis.set(recordOf(kept, user, id), text);
  await kept.keeper.hset(kept.keyspace.fenced(), copyOf(kept, user, id), text);
}

export async function dropRecord(kept: FencePlaces, user: string, id: string): Promise<void> {
  await kept.redis.del(recordOf(kept, user, id));
  await kept.keeper.hdel(kept.keyspace.fenced(), copyOf(kept, user, id));
}

/** Returns true if a fence of ours should stand for any app user of the store, on any of its servers. */
export async function isFenced(kept: FencePlaces): Promise<boolean> {
  const { store, redis, keyspace, keeper } = kept;
  for (const { id } of nodesOf(redis))
    for (const user of store.appUsers) {
      const text = await redis.get(recordOf(kept, user, id));
      if (text !== null && !isLowering(text)) return true;
    }
  // The copy of any node counts, because a node that has taken over has no record of its own.
  const copies = Object.entries(await keeper.hgetall(keyspace.fenced()));
  return copies.some(
    ([field, text]) => !isLowering(text) && store.appUsers.some((user) => names(kept, user, field)),
  );
}

function names(kept: FencePlaces, user: string, field: string): boolean {
  const whole = copyOf(kept, user, '');
  return field === whole || field.startsWith(`${whole} `);
}

/** Returns the store that holds the copies for a store: V2 for a source store, the first source store for V2. */
export function copyStoreOf(stores: Stores, { store }: OpenStore): Redis {
  if (store.side === 'source') return stores.target.redis;
  const [source] = stores.of('source');
  if (!source) throw new Error('plan without a source store');
  return source.redis;
}

export class RecordUnreadable extends Error {
  override readonly name = 'RecordUnreadable';
  constructor() {
    super(
      'the record of a fence is not in the form of this version: give the app users their rights yourself (docs/by-hand.md), then delete their keys jday:<migration>:fence:<user>',
    );
  }
}

/** One word a line: a selector contains spaces, but no word contains a line feed. */
function textOf({ saved, lowering, before, left }: FenceRecord): string {
  const state = `${saved ? 'saved' : 'raised'}${lowering ? ' lowering' : ''}`;
  return [state, 'before', ...before, 'left', ...left].join('\n');
}

const STATE = /^(raised|saved)( lowering)?$/;

function isLowering(text: string): boolean {
  return STATE.exec(text.split('\n')[0] ?? '')?.[2] !== undefined;
}

function recordIn(text: string): FenceRecord {
  const [first = '', ...words] = text.split('\n');
  const [state, raised, lowering] = STATE.exec(first) ?? [];
  const middle = words.indexOf('left');
  if (state === undefined || words[0] !== 'before' || middle < 0) throw new RecordUnreadable();
  return {
    saved: raised === 'saved',
    lowering: lowering !== undefined,
    before: words.slice(1, middle),
    left: words.slice(middle + 1),
  };
}
