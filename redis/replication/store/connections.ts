import type { Redis } from 'ioredis';
import type { Side, Store } from '../../../domain/plan/plan.ts';
import type { Shard } from '../../../domain/keys/shard.ts';
import { type Environment, openStore, type IdentityProof } from '../../client/connection.ts';
import { ClusterChanged, runIdsOf } from '../../client/topology.ts';
import { nodesOf, RoutedRedis } from '../../client/cluster-client.ts';
import { MasterChanged } from '../../client/sentinel.ts';
import type { Socket } from 'node:net';

/**
 * The attempt has four connections to each side:
 *
 * - `data` reads and writes keys,
 * - `large` reads and writes large keys, and holds a WATCH on them,
 * - `tracker` switches the key tracking on, and writes our own small keys,
 * - `subscriber` receives the events of the change feed.
 *
 * They are separate because a server that pauses writes blocks the connection of the waiting write. That write must not
 * hold up anything else.
 */
export type Lines = Readonly<Record<'data' | 'large' | 'tracker' | 'subscriber', Redis>> & {
  /** Bytes that earlier connections moved before `renewLarge` replaced them. */
  readonly before: { readonly read: number; readonly written: number };
};
export type Connections = Readonly<Record<Side, Lines>> & {
  /**
   * Replaces the connections for large keys. When it returns, the servers have closed the old connections, and they no
   * longer execute what was sent there.
   *
   * @throws StoreUnreachable
   * @throws MasterChanged or ClusterChanged when the new connections reach other servers than the remaining ones
   */
  renewLarge(): Promise<void>;
  close(): void;
};
type Renewable = { -readonly [K in keyof Lines]: Lines[K] } & { largeIds: ClientIds };

export async function openConnections(
  shard: Shard,
  environment: Environment,
  { connectMs, replyMs }: Timeouts,
  prove?: IdentityProof,
): Promise<Connections> {
  const opened = new Set<Redis>();
  let closed = false;
  const open = async (side: Side, purpose: string): Promise<Redis> => {
    const timeouts = { connectTimeout: connectMs, replyMs };
    const name = `sync-${shard.name}-${purpose}`;
    const redis = await openStore(shard.link[side], environment, name, timeouts, prove);
    opened.add(redis);
    if (closed) close();
    return redis;
  };
  const close = () => {
    closed = true;
    for (const redis of opened) redis.disconnect();
  };
  try {
    const sides = { source: await linesOf(open, 'source'), target: await linesOf(open, 'target') };
    const renewLarge = async () => {
      for (const side of ['source', 'target'] as const) {
        const old = sides[side].large;
        old.disconnect();
        await renew(sides[side], shard.link[side], () => open(side, 'large'));
        opened.delete(old);
      }
    };
    return { ...sides, renewLarge, close };
  } catch (error) {
    close();
    throw error;
  }
}

type Open = (side: Side, purpose: string) => Promise<Redis>;

async function linesOf(open: Open, side: Side): Promise<Renewable> {
  const [data, large] = [await open(side, 'data'), await open(side, 'large')];
  const [tracker, subscriber] = [await open(side, 'tracker'), await open(side, 'feed')];
  return {
    data,
    large,
    tracker,
    subscriber,
    before: { read: 0, written: 0 },
    largeIds: await clientIdsOf(large),
  };
}

async function renew(lines: Renewable, store: Store, open: () => Promise<Redis>): Promise<void> {
  const large = await open();
  await assertSameServers(store, lines.data, large);
  await endAtServers(large, lines.largeIds);
  lines.largeIds = await clientIdsOf(large);
  // Both change in one turn of the event loop. Otherwise `bytesOf` could count the bytes of the old connection twice.
  const { read, written } = movedBy([lines.large]);
  lines.before = { read: lines.before.read + read, written: lines.before.written + written };
  lines.large = large;
}

/** The times after which an attempt treats a connection as dead, ms. */
export type Timeouts = {
  /** Longest time to open a connection. */
  readonly connectMs: number;
  /**
   * Longest time in which no byte moves on a connection while it waits for an answer. The server may still execute what
   * was sent, so the attempt ends and the next one reads the keys again.
   */
  readonly replyMs: number;
  /**
   * Longest time until the feed shows a heartbeat. The attempt writes a heartbeat once a second. Five missing
   * heartbeats are no short delay: the feed may have lost events, so the attempt ends.
   */
  readonly silenceMs: number;
};

export const TIMEOUTS: Timeouts = { connectMs: 5_000, replyMs: 10_000, silenceMs: 5_000 };

/** The id that a server gives to a connection. On a cluster one id for each master, in the order of the slot map. */
type ClientIds = readonly string[];

function clientIdsOf(redis: Redis): Promise<ClientIds> {
  return Promise.all(nodesOf(redis).map(async (node) => String(await node.redis.client('ID'))));
}

/**
 * Checks that a later connection reaches the same servers as the first one. After a failover, or when a host name
 * points elsewhere, it can reach another server. All that the attempt knows of a side comes from the first server, so
 * it has to end then. Otherwise it would write to one server by what it has read from another.
 *
 * @throws MasterChanged, ClusterChanged
 */
async function assertSameServers(store: Store, first: Redis, later: Redis): Promise<void> {
  if (first instanceof RoutedRedis && later instanceof RoutedRedis && first.map.text !== later.map.text)
    throw new ClusterChanged();
  const [known, reached] = await Promise.all([runIdsOf(first), runIdsOf(later)]);
  if (known.join() === reached.join()) return;
  throw new MasterChanged(store.name, 'a new connection reaches another server, or a restarted one');
}

/**
 * Closes connections at the server itself. It is not enough to close our end: commands that we have sent may still be
 * on their way. The server would execute them long after new connections have replaced the old ones.
 *
 * @param by connections to the same servers as the ones to close
 */
async function endAtServers(by: Redis, ids: ClientIds): Promise<void> {
  // When a connection has ended already, the server answers 0, which is no error.
  await Promise.all(nodesOf(by).map(({ redis }, i) => redis.call('CLIENT', ['KILL', 'ID', ids[i] ?? ''])));
}

/** Bytes that the connections to one side have moved, with those that `renewLarge` replaced. */
export function bytesOf({ before, data, large, tracker, subscriber }: Lines): {
  read: number;
  written: number;
} {
  const { read, written } = movedBy([data, large, tracker, subscriber]);
  return { read: before.read + read, written: before.written + written };
}

/** Bytes that all connections have moved, on both sides and in both directions. */
export function bytesMoved(lines: Connections): number {
  const [source, target] = [bytesOf(lines.source), bytesOf(lines.target)];
  return source.read + source.written + target.read + target.written;
}

/** Bytes that these connections have moved since they were opened. */
function movedBy(connections: readonly Redis[]): { read: number; written: number } {
  const streams = connections.flatMap(nodesOf).map(({ redis }) => redis.stream as Socket | null);
  return {
    read: streams.reduce((sum, stream) => sum + (stream?.bytesRead ?? 0), 0),
    written: streams.reduce((sum, stream) => sum + (stream?.bytesWritten ?? 0), 0),
  };
}
