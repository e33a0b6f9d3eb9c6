import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import type { Side } from '../../domain/plan/plan.ts';
import type { Acceptance } from '../../domain/protocol/loss-suspicion.ts';
import { type Brake, RELEASED } from '../../domain/gates/brake.ts';
import type { Throttle } from '../../domain/plan/throttle.ts';

/**
 * Commands and settings for the sync of a link. They are in a hash on V2, and the sync's change feed shows each change
 * at once.
 */
export type Control = {
  /** Datasets that take part: `sync` = only those with `joins: sync`; `jday` = all. */
  readonly joins: 'sync' | 'jday';
  /** The initial copy and the verification rest during an impact window. Changes still travel. See `holdWork`. */
  readonly held: boolean;
  /** Bounds that `configure` has set; `null` = the bounds of the plan apply. */
  readonly throttle: Throttle | null;
  /** Share of the bounds that the sync may use. It shrinks when the measured impact on the apps is too high. */
  readonly brake: Brake;
  /** An operator's decision for each suspect side. */
  readonly accept: Readonly<Partial<Record<Side, SuspicionDecision>>>;
  /**
   * Side whose writes a switch has paused; `null` = none. The sync must not write to it, because the write would wait
   * for the end of the pause.
   */
  readonly paused: Side | null;
  /** The last drain request; `null` = there was none yet. */
  readonly drain: { readonly id: string; readonly side: Side } | null;
};

/** An operator's decision about a suspect side, and the suspicions (their `since`) to which it applies. */
export type SuspicionDecision = { readonly word: Acceptance; readonly sinces: readonly number[] };

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
      ...(fields['accept:source'] && { source: JSON.parse(fields['accept:source']) as SuspicionDecision }),
      ...(fields['accept:target'] && { target: JSON.parse(fields['accept:target']) as SuspicionDecision }),
    },
    paused: sideOf(fields.paused),
    drain: id && sideOf(side) ? { id, side: sideOf(side) as Side } : null,
  };
}

/** Writes the given fields. Fields that are not given stay as they are. */
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

/**
 * How long a hold lasts, ms. This is longer than an impact window and its settling time. The hold expires by itself, so
 * an impact probe that is killed in a window does not stop the work for longer.
 */
const HOLD_MS = 2_000;

/**
 * Makes the initial copy and the verification of all links rest, or lets them go on. Changes travel in both cases. A
 * rest ends by itself after 2 s.
 */
export async function holdWork(target: Redis, keyspace: Keyspace, held: boolean): Promise<void> {
  if (held) await target.set(keyspace.hold(), '1', 'PX', HOLD_MS);
  else await target.del(keyspace.hold());
}

function sideOf(text: string | undefined): Side | null {
  return text === 'source' || text === 'target' ? text : null;
}
