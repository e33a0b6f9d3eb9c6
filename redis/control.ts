import type { Redis } from 'ioredis';
import type { Keyspace } from '../domain/keyspace.ts';
import type { Side } from '../domain/side.ts';
import type { Acceptance } from '../domain/suspicion.ts';
import { type Brake, RELEASED } from '../domain/brake.ts';
import type { Throttle } from '../domain/throttle.ts';

/** What the sync of a link is asked to do. Stands in a hash on the target; the sync hears of changes at once. */
export type Control = {
  /** Which datasets take part. */
  readonly joins: 'sync' | 'jday';
  /** Copy and verification rest (impact windows); changes go on. See `holdWork`. */
  readonly held: boolean;
  /** Bounds that `configure` has set; `null` = the plan's. */
  readonly throttle: Throttle | null;
  /** How much of the bounds the measured impact leaves (L14). */
  readonly brake: Brake;
  /** What an operator has decided of a suspect side, and the suspicions that it is about (their `since`). */
  readonly accept: Readonly<Partial<Record<Side, Decision>>>;
  /** Paused for a cutover: nothing may be written to this side. */
  readonly paused: Side | null;
  /** The last drain request. */
  readonly drain: { readonly id: string; readonly side: Side } | null;
};

export type Decision = { readonly word: Acceptance; readonly sinces: readonly number[] };

export async function readControl(target: Redis, keyspace: Keyspace, link: string): Promise<Control> {
  const [fields, held] = await Promise.all([
    target.hgetall(keyspace.control(link)),
    target.exists(keyspace.hold()),
  ]);
  const [id, side] = (fields.drain ?? '').split(' ');
  return {
    joins: fields.joins === 'jday' ? 'jday' : 'sync',
    held: held === 1,
    throttle: fields.throttle ? (JSON.parse(fields.throttle) as Throttle) : null,
    brake: fields.brake ? (JSON.parse(fields.brake) as Brake) : RELEASED,
    accept: {
      ...(fields['accept:source'] && { source: JSON.parse(fields['accept:source']) as Decision }),
      ...(fields['accept:target'] && { target: JSON.parse(fields['accept:target']) as Decision }),
    },
    paused: sideOf(fields.paused),
    drain: id && sideOf(side) ? { id, side: sideOf(side) as Side } : null,
  };
}

export async function writeControl(
  target: Redis,
  keyspace: Keyspace,
  link: string,
  change: Partial<Omit<Control, 'held'>>,
): Promise<void> {
  const fields: Record<string, string> = {};
  if (change.joins) fields.joins = change.joins;
  if (change.throttle) fields.throttle = JSON.stringify(change.throttle);
  if (change.brake) fields.brake = JSON.stringify(change.brake);
  for (const [side, decision] of Object.entries(change.accept ?? {}))
    fields[`accept:${side}`] = JSON.stringify(decision);
  if (change.paused !== undefined) fields.paused = change.paused ?? '';
  if (change.drain) fields.drain = `${change.drain.id} ${change.drain.side}`;
  await target.hset(keyspace.control(link), fields);
}

/** Longer than an impact window and its settling; a prober that is killed in one holds nobody for longer (L8). */
const HOLD_MS = 2_000;

/** Makes copy and verification of all links rest (changes go on), or lets them go on. */
export async function holdWork(target: Redis, keyspace: Keyspace, held: boolean): Promise<void> {
  if (held) await target.set(keyspace.hold(), '1', 'PX', HOLD_MS);
  else await target.del(keyspace.hold());
}

function sideOf(text: string | undefined): Side | null {
  return text === 'source' || text === 'target' ? text : null;
}
