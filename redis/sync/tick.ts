import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../domain/side.ts';
import { tagged } from '../../domain/slot.ts';
import type { LinkStatus, VerifyStatus } from '../../domain/status.ts';
import { assertUnchanged } from '../cluster/cluster-changed.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import { readControl } from '../control.ts';
import { type Attempt, currentAuthority, mendAuthorities } from './attempt.ts';
import { byDirection } from './counters.ts';
import { FeedLost } from './feed.ts';
import { linkBoundsOf } from './bounds.ts';
import { bytesOf } from './traffic.ts';
import { askServers, endWhereGone, heedDecision, rememberWitnesses } from './remember.ts';

const TICK_MS = 1_000;

/**
 * When the last beat of a side was sent, ms; since when the feed of a server, by its tag, owes one. Not "heard last": a tick that is slow sends late, and its own slowness would pass for the feed's silence.
 */
export type Beats = {
  readonly sentAt: Record<Side, number>;
  readonly owedSince: Readonly<Record<Side, Map<string, number>>>;
};

export function makeBeats(nowMs: number): Beats {
  return { sentAt: { source: nowMs, target: nowMs }, owedSince: { source: new Map(), target: new Map() } };
}

/** Once a second: beats on both sides, a look at the control and the authority, the status. */
export async function ticks(
  attempt: Attempt,
  beats: Beats,
  report: (status: LinkStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // First: a target that blocks our status must not keep the source's beat from telling so.
    await beat(attempt, beats);
    for (const side of ['source', 'target'] as const) await assertUnchanged(attempt.lines[side].tracker);
    await askServers(attempt);
    const status = statusOf(attempt);
    report(status);
    await endWhereGone(attempt);
    // An idle zombie learns here that it is one; a busy one at its next write.
    await attempt.guarded('SET', attempt.keyspace.status(attempt.shard.name), JSON.stringify(status));
    await rememberWitnesses(attempt);
    await refreshControl(attempt);
    await attempt.batch.adapt(
      { source: attempt.lines.source.tracker, target: attempt.lines.target.tracker },
      linkBoundsOf(attempt).batchMs,
    );
    for (const { nodes } of Object.values(attempt.ports))
      for (const { turns } of nodes) turns.batchKeys = attempt.batch.keys;
    attempt.authority = await currentAuthority(attempt.ports);
    // Until the first time nothing is written on the nodes of a cluster: they hold no epoch yet, or an old one.
    await mendAuthorities(attempt.ports, attempt.keyspace, attempt.authority);
    await forgetVerified(attempt);
    await delay(TICK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function beat(attempt: Attempt, beats: Beats): Promise<void> {
  for (const side of ['source', 'target'] as const) {
    const owed = beats.owedSince[side];
    if (attempt.control.paused === side) {
      owed.clear();
      continue;
    }
    const nowMs = Date.now();
    for (const since of owed.values())
      if (nowMs - since > attempt.patience.silenceMs) throw new FeedLost(`the feed of the ${side} is silent`);
    beats.sentAt[side] = nowMs;
    const key = attempt.keyspace.beat(attempt.shard.name, side);
    for (const { redis, tag } of nodesOf(attempt.lines[side].tracker)) {
      if (!owed.has(tag)) owed.set(tag, nowMs);
      await redis.set(tagged(key, tag), String(nowMs));
    }
  }
}

/** A paused side that opens again, and datasets that join, take effect here. */
export async function refreshControl(attempt: Attempt): Promise<void> {
  const before = attempt.control;
  attempt.control = await readControl(attempt.lines.target.tracker, attempt.keyspace, attempt.link.name);
  if (before.paused && !attempt.control.paused) attempt.dirty.unpark(Date.now());
  await heedDecision(attempt);
}

async function forgetVerified(attempt: Attempt): Promise<void> {
  const text = await attempt.lines.target.tracker.get(attempt.keyspace.verify(attempt.link.name));
  const verify = text ? (JSON.parse(text) as VerifyStatus) : null;
  if (verify?.cleanSince) attempt.recent.forgetBefore(verify.cleanSince);
}

function statusOf(attempt: Attempt): LinkStatus {
  const nowMs = Date.now();
  const { counters, dirty } = attempt;
  const suspects = attempt.breaker.suspects();
  const scanned = attempt.link.datasets.every(
    (dataset) => attempt.joined.has(dataset.name) || dataset.joins === 'jday',
  );
  return {
    link: attempt.link.name,
    ...(attempt.shard.of > 1 && { shard: attempt.shard.name }),
    token: attempt.token,
    at: nowMs,
    state: scanned ? 'live' : 'scanning',
    copied: counters.copied,
    total: scanned ? counters.copied : Math.max(counters.copied, attempt.total),
    joined: [...attempt.joined],
    lagMs: counters.lag(nowMs),
    pending: byDirection((side) => dirty.pendingFrom(side)),
    carried: { toTarget: counters.carried.target, toSource: counters.carried.source },
    conflicts: counters.conflicts,
    quarantined: attempt.quarantine.size,
    breaker: suspects[0] ?? null,
    suspects,
    throttled: attempt.throttled ?? attempt.large.reason(),
    throttle: { ...linkBoundsOf(attempt), share: attempt.control.brake.share, batchKeys: attempt.batch.keys },
    bytes: { source: bytesOf(attempt.lines.source), target: bytesOf(attempt.lines.target) },
  };
}
