import type { Side } from '../../domain/side.ts';
import { tagged } from '../../domain/slot.ts';
import { ClusterChanged } from '../cluster/cluster-changed.ts';
import { nodesOf, RoutedRedis } from '../cluster/routed-redis.ts';
import { type Attempt, takesPart } from './attempt.ts';
import { BEAT } from './changes.ts';
import { Ears } from './ears.ts';
import { type FeedLost, openFeed } from './feed.ts';
import { rememberWitnesses } from './remember.ts';
import { type Beats, refreshControl } from './tick.ts';

/** What is heard of one side: a feed of each of its servers. Silence of one is silence of the side. */
export type SideFeed = {
  /** Source keys heard of until V2's own keys of their dataset are known: what tells those from live writes. */
  readonly touched: Set<string>;
  /** Resolves when every event up to now, of every server, has been heard. */
  barrier(): Promise<void>;
  end(): void;
};

export async function openSideFeed(
  attempt: Attempt,
  side: Side,
  beats: Beats,
  lost: (error: FeedLost) => void,
): Promise<SideFeed> {
  const { tracker, subscriber } = attempt.lines[side];
  const touched = new Set<string>();
  const subscribers = nodesOf(subscriber);
  if (tracker instanceof RoutedRedis && subscriber instanceof RoutedRedis)
    if (tracker.map.text !== subscriber.map.text) throw new ClusterChanged();
  const feeds = nodesOf(tracker).map(({ redis, tag }, i) => {
    const ears = earsOf(attempt, side, { beats, tag, touched });
    return { ears, tracker: redis, subscriber: subscribers[i]?.redis ?? subscriber };
  });
  for (const one of feeds)
    await openFeed(one.tracker, one.subscriber, prefixesOf(attempt, side), one.ears.heard, lost);
  const barrierOf = (one: (typeof feeds)[number]) => one.ears.barrier(one, attempt.control.paused === side);
  return {
    touched,
    barrier: async () => void (await Promise.all(feeds.map(barrierOf))),
    end: () => {
      for (const { ears } of feeds) ears.end();
    },
  };
}

type Heard = { readonly beats: Beats; readonly tag: string; readonly touched: Set<string> };

function earsOf(attempt: Attempt, side: Side, { beats, tag, touched }: Heard): Ears {
  const { keyspace, link, shard, dirty } = attempt;
  const own = new Map<string, () => void>([
    [
      tagged(keyspace.beat(shard.name, side), tag),
      () => {
        dirty.mark(BEAT[side], side, beats.sentAt[side]);
        beats.owedSince[side].delete(tag);
      },
    ],
  ]);
  if (side === 'target')
    for (const key of [keyspace.control(link.name), keyspace.hold()])
      own.set(key, () => void refreshControl(attempt).catch(() => undefined));
  return new Ears({
    side,
    shard,
    keyMap: attempt.keyMap,
    dirty,
    known: attempt.known,
    changed: (sourceKey) => attempt.breaker.hear(side, sourceKey),
    takesPart: (dataset) => takesPart(attempt, dataset),
    tellingApart: (dataset) => side === 'target' && !attempt.toldApart.has(dataset.name),
    touched,
    barrierKey: tagged(keyspace.barrier(shard.name, side, attempt.token), tag),
    own,
    flushed: () => {
      const asked = attempt.breaker.flushed(side).then(() => rememberWitnesses(attempt));
      asked.catch(() => undefined);
    },
  });
}

/** The datasets and our own few signals, not our ledger. Prefixes of one client must not overlap: a shorter one covers the longer. */
function prefixesOf(attempt: Attempt, side: Side): readonly string[] {
  const { keyMap, keyspace, link, shard, token } = attempt;
  const own = [
    keyspace.beat(shard.name, side),
    keyspace.barrier(shard.name, side, token),
    keyspace.control(link.name),
    keyspace.hold(),
  ];
  const all = [...new Set([...keyMap.prefixes(side), ...own])];
  return all.filter((one) => !all.some((other) => other !== one && one.startsWith(other)));
}
