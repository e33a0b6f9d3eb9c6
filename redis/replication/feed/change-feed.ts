import type { Side } from '../../../domain/plan/plan.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import { ClusterChanged } from '../../client/topology.ts';
import { nodesOf, RoutedRedis } from '../../client/cluster-client.ts';
import { type Attempt, takesPart } from '../attempt/attempt.ts';
import { BEAT } from '../attempt/apply-loop.ts';
import { type FeedLost, trackKeys } from './key-tracking.ts';
import { writeWatermarks } from '../attempt/watermark-writer.ts';
import { type Heartbeats, refreshControl } from './heartbeat.ts';
import { OUR_PREFIX } from '../../../domain/keys/keyspace.ts';
import { owns } from '../../../domain/keys/shard.ts';
import type { Lines } from '../store/connections.ts';

/** The change feed of one side. It reads a feed from each server of the side. Silence of one is silence of the side. */
type SideFeed = {
  /**
   * Source keys that events have named while the baseline keys of their dataset were not known. Baseline keys are keys
   * that V2 had before us. A key in this set was written by an app while the feed ran, so it is no baseline key.
   */
  readonly touched: Set<string>;
  /** Resolves when the feed has received every event that any server of the side has sent up to now. */
  barrier(): Promise<void>;
  end(): void;
};

export async function openChangeFeed(
  attempt: Attempt,
  side: Side,
  beats: Heartbeats,
  lost: (error: FeedLost) => void,
): Promise<SideFeed> {
  const { tracker, subscriber } = attempt.lines[side];
  const touched = new Set<string>();
  const subscribers = nodesOf(subscriber);
  if (tracker instanceof RoutedRedis && subscriber instanceof RoutedRedis)
    if (tracker.map.text !== subscriber.map.text) throw new ClusterChanged();
  const feeds = nodesOf(tracker).map(({ redis, tag }, i) => {
    const feed = new NodeFeed(attempt, side, { beats, tag, touched });
    return { feed, tracker: redis, subscriber: subscribers[i]?.redis ?? subscriber };
  });
  for (const one of feeds)
    await trackKeys(one.tracker, one.subscriber, prefixesOf(attempt, side), one.feed.heard, lost);
  const barrierOf = (one: (typeof feeds)[number]) => one.feed.barrier(one, attempt.control.paused === side);
  return {
    touched,
    barrier: async () => void (await Promise.all(feeds.map(barrierOf))),
    end: () => {
      for (const { feed } of feeds) feed.end();
    },
  };
}

/** What the feeds of a side share, and where one of them listens. */
type Place = {
  readonly beats: Heartbeats;
  /** On a cluster: the tag that puts a key of ours on the server of this feed. */
  readonly tag: string;
  readonly touched: Set<string>;
};

/** The keys of ours on this side that carry a signal, each with what it means. */
function signalsOf(
  attempt: Attempt,
  side: Side,
  { beats, tag }: Place,
  barrierPassed: () => void,
): ReadonlyMap<string, () => void> {
  const { keyspace, link, shard, token, dirty } = attempt;
  const beat = () => {
    dirty.mark(BEAT[side], side, beats.sentAt[side]);
    beats.owedSince[side].delete(tag);
  };
  const signals = new Map([
    [tagged(keyspace.barrier(shard.name, side, token), tag), barrierPassed],
    [tagged(keyspace.beat(shard.name, side), tag), beat],
  ]);
  if (side === 'target')
    for (const key of [keyspace.control(link.name), keyspace.hold()])
      signals.set(key, () => void refreshControl(attempt).catch(() => undefined));
  return signals;
}

/**
 * The prefixes to track: those of the datasets, and those of the few keys of ours that carry a signal. Our ledger is
 * not among them. Redis refuses overlapping prefixes of one client, so a shorter prefix replaces all longer ones it
 * covers.
 */
function prefixesOf(attempt: Attempt, side: Side): readonly string[] {
  const { keyMap, keyspace, link, shard, token } = attempt;
  const ours = [
    keyspace.beat(shard.name, side),
    keyspace.barrier(shard.name, side, token),
    keyspace.control(link.name),
    keyspace.hold(),
  ];
  const all = [...new Set([...keyMap.prefixes(side), ...ours])];
  return all.filter((one) => !all.some((other) => other !== one && one.startsWith(other)));
}

/** Turns the events of one server into dirty keys, and says when the feed has received every event up to now. */
class NodeFeed {
  readonly #attempt: Attempt;
  readonly #side: Side;
  readonly #touched: Set<string>;
  readonly #barrierKey: string;
  /** What an event of a key of ours means. */
  readonly #signals: ReadonlyMap<string, () => void>;
  #barrier: Promise<void> = Promise.resolve();
  #passed: (() => void) | null = null;

  constructor(attempt: Attempt, side: Side, place: Place) {
    const { keyspace, shard, token } = attempt;
    this.#attempt = attempt;
    this.#side = side;
    this.#touched = place.touched;
    this.#barrierKey = tagged(keyspace.barrier(shard.name, side, token), place.tag);
    this.#signals = signalsOf(attempt, side, place, () => this.#passed?.());
  }

  /** Takes the names in an event. `everything`: a database was flushed, and every key may have changed. */
  readonly heard = (keys: readonly string[] | 'everything'): void => {
    const { breaker } = this.#attempt;
    if (keys === 'everything') {
      const asked = breaker.flushed(this.#side).then(() => writeWatermarks(this.#attempt));
      asked.catch(() => undefined);
      return;
    }
    const nowMs = performance.now();
    for (const key of keys) this.#markDirty(key, nowMs);
  };

  #markDirty(key: string, nowMs: number): void {
    if (key.startsWith(OUR_PREFIX)) return this.#signals.get(key)?.();
    const [attempt, side] = [this.#attempt, this.#side];
    const { keyMap, breaker, known } = attempt;
    const dataset = keyMap.owner(side, key);
    if (!dataset || !takesPart(attempt, dataset)) return;
    const sourceKey = side === 'source' ? key : keyMap.counterpart(dataset, 'target', key);
    // The feed names all keys of the link, also those of other shards.
    if (!owns(attempt.shard, sourceKey)) return;
    breaker.eventHeard(side, sourceKey, dataset.name);
    if (side === 'target' && !attempt.baselineKnown.has(dataset.name)) this.#touched.add(sourceKey);
    attempt.dirty.mark(sourceKey, side, nowMs, known.get(sourceKey)?.echo === side);
  }

  /**
   * Resolves when the feed has received every event up to now. The barrier writes a marker, and waits until the feed
   * shows it. Events keep their order, so all earlier ones have arrived by then. Barriers run one after the other, so
   * that a marker's event belongs to one barrier only.
   *
   * While the server pauses writes, the marker cannot be written. A PING on the feed's connection replaces it: the
   * server sends its events at the end of each turn of its loop, before it reads the PING.
   */
  barrier({ tracker, subscriber }: Pick<Lines, 'tracker' | 'subscriber'>, paused: boolean): Promise<void> {
    const next = this.#barrier.then(async () => {
      if (paused) return void (await subscriber.ping());
      const passed = new Promise<void>((resolve) => {
        this.#passed = resolve;
      });
      await tracker.set(this.#barrierKey, '1');
      await passed;
      this.#passed = null;
    });
    this.#barrier = next.catch(() => undefined);
    return next;
  }

  /** The feed has ended. A barrier that still waits for its marker goes on, and then finds its connection closed. */
  end(): void {
    this.#passed?.();
  }
}
