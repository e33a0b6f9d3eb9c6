import type { Redis } from 'ioredis';
import type { Keyspace } from '../domain/keyspace.ts';
import type { Side } from '../domain/side.ts';

/** What the sync of a link is asked to do. Stands in a hash on the target; the sync hears of changes at once. */
export type Control = {
  /** Which datasets take part. */
  readonly joins: 'sync' | 'jday';
  /** Copy and verification rest (impact windows); changes go on. */
  readonly held: boolean;
  /** Paused for a cutover: nothing may be written to this side. */
  readonly paused: Side | null;
  /** The last drain request. */
  readonly drain: { readonly id: string; readonly side: Side } | null;
};

export async function readControl(target: Redis, keyspace: Keyspace, link: string): Promise<Control> {
  const fields = await target.hgetall(keyspace.control(link));
  const [id, side] = (fields.drain ?? '').split(' ');
  return {
    joins: fields.joins === 'jday' ? 'jday' : 'sync',
    held: fields.held === '1',
    paused: sideOf(fields.paused),
    drain: id && sideOf(side) ? { id, side: sideOf(side) as Side } : null,
  };
}

export async function writeControl(
  target: Redis,
  keyspace: Keyspace,
  link: string,
  change: Partial<Control>,
): Promise<void> {
  const fields: Record<string, string> = {};
  if (change.joins) fields.joins = change.joins;
  if (change.held !== undefined) fields.held = change.held ? '1' : '0';
  if (change.paused !== undefined) fields.paused = change.paused ?? '';
  if (change.drain) fields.drain = `${change.drain.id} ${change.drain.side}`;
  await target.hset(keyspace.control(link), fields);
}

function sideOf(text: string | undefined): Side | null {
  return text === 'source' || text === 'target' ? text : null;
}
