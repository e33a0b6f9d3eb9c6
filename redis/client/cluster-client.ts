import { type Command, Redis } from 'ioredis';
import { slotOf, SLOTS, tagOf } from '../../domain/keys/slot.ts';
import type { LinkOptions } from './data-link.ts';
import { byteString } from './key-bytes.ts';
import { givenIdOf } from './server-info.ts';

/**
 * One master of a cluster.
 *
 * - `tag`: the hash tag of its lowest slot. A key of ours that describes this node carries the tag, so this node
 *   holds it.
 * - `id`: its node id. A record about the server itself, whatever slots it serves, carries the id.
 */
export type ClusterNode = { readonly redis: Redis; readonly tag: string; readonly id: string };

/** Opens a connection to another node of the same cluster, as the same user. `waits` can shorten the usual timeouts. */
export type OpenNode = (host: string, port: number, waits?: LinkOptions) => Promise<Redis>;

/**
 * Presents all masters of a cluster as one connection. Each command goes to the node that serves its first key. The
 * slot map is the one that was read when the connection was opened.
 *
 * A redirection is an error and is not followed. The attempt ends, and the next attempt opens a new connection.
 *
 * A command without a key belongs to no node, so it is rejected. Otherwise the reply of one node could pass for the
 * reply of the whole cluster.
 */
export class RoutedRedis extends Redis {
  readonly nodes: readonly ClusterNode[];
  readonly map: SlotMap;
  readonly openNode: OpenNode;
  readonly #bySlot: readonly ClusterNode[];

  constructor(map: SlotMap, connections: readonly Redis[], openNode: OpenNode) {
    super({ lazyConnect: true, protocol: 2 });
    this.map = map;
    this.openNode = openNode;
    this.nodes = map.masters.map(({ id, ranges }, i) => {
      const lowest = Math.min(...ranges.map(([from]) => from));
      return { redis: connections[i] as Redis, tag: tagOf(lowest), id };
    });
    const bySlot = new Array<ClusterNode>(SLOTS);
    for (const [i, { ranges }] of map.masters.entries())
      for (const [from, to] of ranges) bySlot.fill(this.nodes[i] as ClusterNode, from, to + 1);
    this.#bySlot = bySlot;
  }

  /** Returns the node that serves a key (byte string). */
  nodeOf(key: string): ClusterNode {
    return this.#bySlot[slotOf(key)] as ClusterNode;
  }

  /** ioredis passes the commands of a pipeline one by one. Each node's socket still sends its commands in order. */
  override sendCommand(command: Command): unknown {
    const [key] = command.getKeys();
    if (key === undefined) {
      command.reject(new Error(`${command.name} names no key: it is asked of each node of a cluster`));
      return command.promise;
    }
    return this.nodeOf(byteString(typeof key === 'string' ? Buffer.from(key) : key)).redis.sendCommand(
      command,
    );
  }

  override disconnect(): void {
    for (const { redis } of this.nodes) redis.disconnect();
    super.disconnect();
  }
}

/** Returns the servers behind a connection: the masters of a cluster, or else the one server, whose tag is empty. */
export function nodesOf(redis: Redis): readonly ClusterNode[] {
  return redis instanceof RoutedRedis ? redis.nodes : [{ redis, tag: '', id: givenIdOf(redis) }];
}

/** Returns the connection to the server that holds a key (byte string), for MULTI, WATCH and commands without a key. */
export function serverOf(redis: Redis, key: string): Redis {
  return redis instanceof RoutedRedis ? redis.nodeOf(key).redis : redis;
}

/** A range of slots that one master serves: first and last slot. */
type Range = readonly [number, number];

type Master = {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly ranges: readonly Range[];
};

/** Which master serves which slots, as one node reports it. `text` is equal for equal maps, whichever node reports. */
type SlotMap = { readonly masters: readonly Master[]; readonly text: string };

/**
 * Reads the slot map from one node.
 *
 * @param asked the host of this connection, used for a node that does not know its own address
 */
export async function readSlotMap(redis: Redis, asked: string): Promise<SlotMap> {
  const rows = (await redis.call('CLUSTER', ['SLOTS'])) as [
    number,
    number,
    [string | null, number, string],
  ][];
  const found = new Map<string, { id: string; host: string; port: number; ranges: Range[] }>();
  for (const [from, to, [host, port, id]] of rows.sort(([one], [other]) => one - other)) {
    const master = found.get(id) ?? { id, host: isKnown(host) ? host : asked, port, ranges: [] };
    master.ranges.push([from, to]);
    found.set(id, master);
  }
  const masters = [...found.values()];
  return { masters, text: JSON.stringify(masters.map(({ id, port, ranges }) => [id, port, ranges])) };
}

/** Returns whether each slot has a master that serves it. */
export function coversAllSlots({ masters }: SlotMap): boolean {
  const served = masters.flatMap(({ ranges }) => ranges).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return served === SLOTS;
}

function isKnown(host: string | null): host is string {
  return host !== null && host !== '' && host !== '?';
}

/**
 * Groups the items by place and calls `work` once for each place, for all places at the same time. Returns the answers
 * in the order of the items.
 */
export async function byPlace<P, K, A>(
  items: readonly K[],
  placeOf: (item: K) => P,
  work: (place: P, items: readonly K[]) => Promise<readonly A[]>,
): Promise<readonly A[]> {
  const places = new Map<P, number[]>();
  for (const [i, item] of items.entries()) {
    const place = placeOf(item);
    const mine = places.get(place);
    if (mine) mine.push(i);
    else places.set(place, [i]);
  }
  const answers: A[] = [];
  const ask = async (place: P, mine: readonly number[]) => {
    const given = await work(
      place,
      mine.map((i) => items[i] as K),
    );
    for (const [at, i] of mine.entries()) answers[i] = given[at] as A;
  };
  await Promise.all([...places].map(([place, mine]) => ask(place, mine)));
  return answers;
}

/** Returns the number of keys of a database; for a cluster, the sum over all masters. */
export async function countKeys(redis: Redis): Promise<number> {
  const counts = await Promise.all(nodesOf(redis).map((node) => node.redis.dbsize()));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Unlinks many keys. A cluster gets one command for each key, because a command may not name keys of several slots. */
export async function unlinkAll(redis: Redis, keys: readonly Buffer[]): Promise<void> {
  if (keys.length === 0) return;
  if (redis instanceof RoutedRedis) await Promise.all(keys.map((key) => redis.unlink(key)));
  else await redis.unlink(...keys);
}
