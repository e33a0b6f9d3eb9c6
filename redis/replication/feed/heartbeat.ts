import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../../domain/plan/plan.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import type { LinkStatus, VerifyStatus } from '../../../domain/gates/status.ts';
import { assertUnchanged } from '../../client/topology.ts';
import { nodesOf } from '../../client/cluster-client.ts';
import { readControl } from '../../state/control.ts';
import { readStatus } from '../../state/link-status.ts';
import { dated, timeAt } from '../../state/dated-record.ts';
import { type Attempt, currentAuthority, repairAuthorities } from '../attempt/attempt.ts';
import { byDirection } from '../attempt/counters.ts';
import { FeedLost } from './key-tracking.ts';
import { linkBoundsOf } from './copy-throttle.ts';
import { bytesOf } from '../store/connections.ts';
import { askServers, endWhereGone, takeDecision, writeWatermarks } from '../attempt/watermark-writer.ts';

const TICK_MS = 1_000;

/**
 * - `sentAt`: when the last heartbeat of a side was written, ms of `performance.now()`.
 * - `owedSince`: for each node, by its tag, when the oldest heartbeat was written that the feed has not shown yet.
 *
 * We time the answer, not the gap between heartbeats, so that a slow loop of ours does not look like a dead feed.
 */
export type Heartbeats = {
  readonly sentAt: Record<Side, number>;
  readonly owedSince: Readonly<Record<Side, Map<string, number>>>;
};

export function makeHeartbeats(nowMs: number): Heartbeats {
  return { sentAt: { source: nowMs, target: nowMs }, owedSince: { source: new Map(), target: new Map() } };
}

/** Once a second: writes the heartbeats and the status, and reads the control record and the authority again. */
export async function heartbeatLoop(
  attempt: Attempt,
  beats: Heartbeats,
  report: (status: LinkStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // The heartbeats go first. When the target blocks our writes, the status below waits. By then the source's
    // heartbeat is on its way, and its late arrival shows that the target blocks.
    await beat(attempt, beats);
    for (const side of ['source', 'target'] as const) await assertUnchanged(attempt.lines[side].tracker);
    await askServers(attempt);
    const { tracker } = attempt.lines.target;
    const told = attempt.keyspace.status(attempt.shard.name);
    const saidAtMs = await timeAt(tracker, told);
    const status = statusOf(attempt);
    report(status);
    await endWhereGone(attempt);
    // The server refuses this write when a newer attempt holds the lease. So a stale attempt without other writes ends
    // here. One that is busy ends at its next write.
    await attempt.guards.target('SET', told, dated(status, saidAtMs));
    await writeWatermarks(attempt);
    await refreshControl(attempt);
    await attempt.batch.adapt(
      { source: attempt.lines.source.tracker, target: attempt.lines.target.tracker },
      linkBoundsOf(attempt).batchMs,
    );
    for (const { nodes } of Object.values(attempt.ports))
      for (const { scripts } of nodes) scripts.batchKeys = attempt.batch.keys;
    attempt.authority = await currentAuthority(attempt.ports);
    // On a cluster the nodes refuse every write until this line has run once: they hold no epoch yet, or an old one.
    await repairAuthorities(attempt.ports, attempt.keyspace, attempt.authority);
    await forgetVerified(attempt);
    await delay(TICK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function beat(attempt: Attempt, beats: Heartbeats): Promise<void> {
  for (const side of ['source', 'target'] as const) {
    const owed = beats.owedSince[side];
    if (attempt.control.paused === side) {
      owed.clear();
      continue;
    }
    const nowMs = performance.now();
    for (const since of owed.values())
      if (nowMs - since > attempt.timeouts.silenceMs) throw new FeedLost(`the feed of the ${side} is silent`);
    beats.sentAt[side] = nowMs;
    const key = attempt.keyspace.beat(attempt.shard.name, side);
    for (const { redis, tag } of nodesOf(attempt.lines[side].tracker)) {
      if (!owed.has(tag)) owed.set(tag, nowMs);
      await redis.set(tagged(key, tag), String(nowMs));
    }
  }
}

/** Reads the control record. A side whose pause has ended, and datasets that join, take effect here. */
export async function refreshControl(attempt: Attempt): Promise<void> {
  const before = attempt.control;
  attempt.control = await readControl(attempt.lines.target.tracker, attempt.keyspace, attempt.link.name);
  attempt.controlRead.ring();
  if (before.paused && !attempt.control.paused) attempt.dirty.unpark(performance.now());
  await takeDecision(attempt);
}

async function forgetVerified(attempt: Attempt): Promise<void> {
  const { tracker } = attempt.lines.target;
  const verify = await readStatus<VerifyStatus>(tracker, attempt.keyspace.verify(attempt.link.name));
  const seen = verify?.clean?.from[attempt.shard.name];
  // `recent` holds only the keys that this attempt carried. A status number of another attempt says nothing about them.
  if (seen?.token === attempt.token) attempt.recent.forgetBefore(seen.word);
}

function entriesOf({ ledgerSize: { entries } }: Attempt): Pick<LinkStatus, 'ledgerEntries'> {
  return entries ? { ledgerEntries: entries } : {};
}

/** The journals and the quarantine belong to the link, so its first shard alone tells their size. */
function recordBytesOf({ shard, records, quarantine }: Attempt): Pick<LinkStatus, 'recordBytes'> {
  const { source, target } = records.journalBytes;
  if (shard.index !== 0 || source === null || target === null) return {};
  return { recordBytes: { journal: { source, target }, quarantine: quarantine.bytes } };
}

function statusOf(attempt: Attempt): LinkStatus {
  const nowMs = performance.now();
  const { counters, dirty } = attempt;
  const suspects = attempt.breaker.suspects();
  const scanned = attempt.link.datasets.every(
    (dataset) => attempt.joined.has(dataset.name) || dataset.joins === 'jday',
  );
  return {
    link: attempt.link.name,
    ...(attempt.shard.of > 1 && { shard: attempt.shard.name }),
    token: attempt.token,
    moments: { [attempt.shard.name]: { token: attempt.token, word: attempt.recent.nextReport() } },
    state: scanned ? 'live' : 'scanning',
    copied: counters.copied,
    total: scanned ? counters.copied : Math.max(counters.copied, attempt.total),
    joined: [...attempt.joined],
    lagMs: counters.lag(nowMs),
    pending: byDirection((side) => dirty.pendingFrom(side)),
    carried: { toTarget: counters.carried.target, toSource: counters.carried.source },
    conflicts: counters.conflicts,
    strays: counters.strays,
    repaired: counters.repaired,
    quarantined: attempt.quarantine.size,
    ...entriesOf(attempt),
    ...recordBytesOf(attempt),
    breaker: suspects[0] ?? null,
    suspects,
    throttled: attempt.throttled ?? attempt.large.reason(),
    throttle: { ...linkBoundsOf(attempt), share: attempt.control.brake.share, batchKeys: attempt.batch.keys },
    bytes: { source: bytesOf(attempt.lines.source), target: bytesOf(attempt.lines.target) },
  };
}
