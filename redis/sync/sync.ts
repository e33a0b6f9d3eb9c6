import type { Link } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import { type Shard, wholeOf } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../connection.ts';
import { largeLane } from '../large/lane.ts';
import { together } from '../together.ts';
import { type Attempt, beginAttempt } from './attempt.ts';
import { changes } from './changes.ts';
import { openConnections } from './connections.ts';
import { drains } from './drain.ts';
import { echoes } from './echoes.ts';
import type { FeedLost } from './feed.ts';
import { PATIENCE, type Patience } from './patience.ts';
import { scan } from './scan.ts';
import type { Reached } from './step.ts';
import { openSideFeed } from './side-feed.ts';
import { makeBeats, ticks } from './tick.ts';

export type SyncOptions = {
  readonly plan: Plan;
  readonly link: Link;
  /** Which part of the link; none: the whole, of a link that is not split. */
  readonly shard?: Shard;
  readonly environment: Environment;
  /** About once a second. */
  readonly report: (status: LinkStatus) => void;
  /** @defaultValue PATIENCE */
  readonly patience?: Patience;
  readonly reached?: Reached;
};

/**
 * The two-way sync of one link, or of one shard of it (design §5), until the signal. Whatever goes wrong ends this attempt; the next one
 * takes the lease, looks at every key against the ledger and goes on (L8). Nothing is kept but what Redis holds.
 *
 * @throws ShardCountChanged the ledger is another number of shards': do not try again
 * @throws LeaseLost a newer attempt is at work: do not try again
 * @throws FeedLost, ClusterChanged, StoreUnreachable, NoAuthority or Redis' own error: try again
 */
export async function runSync(options: SyncOptions, signal: AbortSignal): Promise<void> {
  const shard = options.shard ?? wholeOf(options.link);
  const lines = await openConnections(shard, options.environment, options.patience ?? PATIENCE);
  try {
    const attempt = await beginAttempt(shard, options, lines);
    await loops(attempt, options.report, signal);
  } finally {
    lines.close();
  }
}

async function loops(attempt: Attempt, report: SyncOptions['report'], signal: AbortSignal): Promise<void> {
  let lost: (error: FeedLost | null) => void = () => undefined;
  const feedEnd = new Promise<void>((resolve, reject) => {
    lost = (error) => (error ? reject(error) : resolve());
  });
  // A feed can be lost before anybody waits for its end: unheard, the rejection would end the whole process (L8).
  feedEnd.catch(() => undefined);
  const beats = makeBeats(Date.now());
  const feeds = {
    source: await openSideFeed(attempt, 'source', beats, lost),
    target: await openSideFeed(attempt, 'target', beats, lost),
  };
  await attempt.reached?.('feed open');
  const barrier = (side: Side) => feeds[side].barrier();
  const bornLive = async (): Promise<ReadonlySet<string>> => {
    await barrier('target');
    return feeds.target.touched;
  };
  await together(signal, [
    () => feedEnd,
    (inner) => ticks(attempt, beats, report, inner),
    (inner) => scan(attempt, feeds.target.touched, bornLive, barrier, inner),
    (inner) => drains(attempt, barrier, inner),
    (inner) => changes(attempt, bornLive, inner),
    (inner) => echoes(attempt, inner),
    (inner) => largeLane(attempt, bornLive, inner),
    async (inner) => {
      // The one that ends the others: whoever waits for a change, a marker or a reply goes on and finds the end.
      await aborted(inner);
      attempt.lines.close();
      attempt.dirty.wake();
      feeds.source.end();
      feeds.target.end();
      lost(null);
    },
  ]);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
