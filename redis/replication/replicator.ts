import type { Link, Plan, Side } from '../../domain/plan/plan.ts';
import { type Shard, wholeOf } from '../../domain/keys/shard.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import type { Holder } from '../../domain/authority/claim.ts';
import { claimAnew, noOthers, proveClaim } from '../state/claim.ts';
import type { Environment } from '../client/connection.ts';
import { boundJournals, type JournalKeeping, openJournals, RECORD_BOUNDS } from './bound-journal.ts';
import { largeLoop } from './large-loop.ts';
import { runTogether } from '../client/task-group.ts';
import { type Attempt, beginAttempt } from './attempt/attempt.ts';
import { applyLoop, retryFailing } from './attempt/apply-loop.ts';
import { type Connections, openConnections, TIMEOUTS, type Timeouts } from './store/connections.ts';
import { answerDrains } from './drain.ts';
import { echoLoop } from './attempt/echoes.ts';
import type { FeedLost } from './feed/key-tracking.ts';
import { repairLoop } from './repair.ts';
import { pollStreams } from './feed/poll-streams.ts';
import { scan } from './snapshot/snapshot.ts';
import type { Reached } from './reconcile/fault-points.ts';
import { openChangeFeed } from './feed/change-feed.ts';
import { makeHeartbeats, heartbeatLoop } from './feed/heartbeat.ts';
import { walkLedger } from './snapshot/stale-entries.ts';
import { CLAIM_KEY, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { nodesOf } from '../client/cluster-client.ts';
import { readCounters, readWatermarks } from './breaker/watermark.ts';

type SyncOptions = {
  readonly plan: Plan;
  readonly link: Link;
  /** The part of the link to replicate; absent = the whole link, which must not be split. */
  readonly shard?: Shard;
  readonly environment: Environment;
  /** The run that has claimed the stores. Each connection proves that its store belongs to this run. */
  readonly holder?: Holder;
  /** Called about once a second. */
  readonly report: (status: LinkStatus) => void;
  /** Called with the fencing token, once this attempt holds the lease. */
  readonly leased?: (token: number) => void;
  /** @defaultValue TIMEOUTS */
  readonly patience?: Timeouts;
  readonly reached?: Reached;
  /** How the conflict journal is kept small. @defaultValue its bounds, and the backup directory of the plan */
  readonly journal?: Partial<JournalKeeping>;
  /** @defaultValue QUARANTINE_BYTES */
  readonly quarantineBytes?: number;
};

/**
 * Runs the two-way sync of one link, or of one shard of it, until the signal. Every failure that is not the failure of
 * one key ends this attempt. The next attempt takes the lease, compares every key with the ledger and goes on. It knows
 * nothing but what Redis holds, so a crash needs no cleaning up.
 *
 * @throws WrongStore, StoreUnclaimed nothing was written: an operator has to correct an address, or to decide
 * @throws ShardCountChanged the ledger was written by another number of shards: do not try again
 * @throws JournalFull losers of conflicts could not be saved for too long: an operator has to make room
 * @throws LeaseLost a newer attempt holds the lease (do not try again), or a server has lost our lease (try again)
 * @throws FeedLost, ClusterChanged, StoreUnreachable, NoAuthority or an error of Redis: try again
 */
export async function runSync(options: SyncOptions, signal: AbortSignal): Promise<void> {
  const shard = options.shard ?? wholeOf(options.link);
  const { environment, patience = TIMEOUTS, holder } = options;
  const lines = await openConnections(shard, environment, patience, holder && noOthers(holder));
  try {
    if (holder) await reclaim(shard, lines, holder);
    // The signal may have come while it connected. Then this attempt must not take the lease from a newer attempt.
    if (signal.aborted) return;
    const attempt = await beginAttempt(shard, options, lines);
    options.leased?.(attempt.token);
    const keeping = {
      bounds: RECORD_BOUNDS,
      folder: options.plan.backup.directory,
      saved: () => undefined,
      ...options.journal,
    };
    await openJournals(attempt, keeping);
    await loops(attempt, options.report, keeping, signal);
  } finally {
    lines.close();
  }
}

async function loops(
  attempt: Attempt,
  report: SyncOptions['report'],
  keeping: JournalKeeping,
  signal: AbortSignal,
): Promise<void> {
  const { feedEnd, lost } = endOfFeeds();
  const beats = makeHeartbeats(performance.now());
  const feeds = {
    source: await openChangeFeed(attempt, 'source', beats, lost),
    target: await openChangeFeed(attempt, 'target', beats, lost),
  };
  await attempt.reached?.('feed open');
  const barrier = (side: Side) => feeds[side].barrier();
  const bornLive = () => barrier('target').then((): ReadonlySet<string> => feeds.target.touched);
  // The first task that ends or fails aborts all others.
  await runTogether(signal, [
    () => feedEnd,
    (inner) => heartbeatLoop(attempt, beats, report, inner),
    (inner) => scan(attempt, feeds.target.touched, bornLive, barrier, inner),
    (inner) => answerDrains(attempt, barrier, inner),
    (inner) => applyLoop(attempt, bornLive, inner),
    (inner) => echoLoop(attempt, inner),
    (inner) => pollStreams(attempt, inner),
    (inner) => repairLoop(attempt, bornLive, inner),
    (inner) => largeLoop(attempt, bornLive, inner),
    (inner) => retryFailing(attempt, bornLive, inner),
    (inner) => walkLedger(attempt, bornLive, inner),
    (inner) => boundJournals(attempt, keeping, inner),
    async (inner) => {
      // This task ends the others: a loop that waits for a change, a barrier or a reply wakes up and sees the end.
      await aborted(inner);
      attempt.lines.close();
      attempt.dirty.wake();
      feeds.source.end();
      feeds.target.end();
      lost(null);
    },
  ]);
}

function endOfFeeds() {
  let lost: (error: FeedLost | null) => void = () => undefined;
  const feedEnd = new Promise<void>((resolve, reject) => {
    lost = (error) => (error ? reject(error) : resolve());
  });
  // A feed can be lost before `runTogether` waits for `feedEnd`. Without this handler the rejection would end the
  // process.
  feedEnd.catch(() => undefined);
  return { feedEnd, lost };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * Checks the claims of both sides before anything is written. A side without a claim is another server, or it is ours
 * and has lost its data. If it is the same server process that the last attempt knew, it is ours: it was flushed, or
 * another database was put in its place. Then this claims it again; the circuit breaker finds it suspect all the same.
 * If the server has restarted or is another one, only an operator can tell.
 *
 * @throws StoreUnclaimed, WrongStore
 */
async function reclaim(shard: Shard, lines: Connections, holder: Holder): Promise<void> {
  const { link } = shard;
  for (const side of ['source', 'target'] as const) {
    if ((await lines[side].data.get(CLAIM_KEY)) !== null) continue;
    if (await isTheKnownProcess(shard, lines, holder, side))
      await claimAnew({ store: link[side], redis: lines[side].data }, holder);
  }
  for (const side of ['source', 'target'] as const) {
    const { data, large, tracker, subscriber } = lines[side];
    for (const redis of [data, large, tracker, subscriber]) await proveClaim(redis, link[side], holder);
  }
}

/** Whether the servers of a side have the run ids that the last attempt has recorded. */
async function isTheKnownProcess(shard: Shard, lines: Connections, holder: Holder, side: Side) {
  const redis = { source: lines.source.data, target: lines.target.data };
  const { before } = (await readWatermarks(redis, keyspaceOf(holder.migration), shard.name))[side];
  const now = await readCounters(nodesOf(redis[side]).map((node) => node.redis));
  return before !== null && before.runId === now.runId;
}
