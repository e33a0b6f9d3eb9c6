import { type Command, Redis } from 'ioredis';
import { slotOf, SLOTS, tagOf } from '../../domain/slot.ts';
import { byteString } from '../key-bytes.ts';
import type { SlotMap } from './slot-map.ts';

/**
 * One master: its connection, the tag of its lowest slot, for keys of ours that speak of this node, and its name in the
 * cluster, for what is true of that server whatever slots it serves.
 */
export type ClusterNode = { readonly redis: Redis; readonly tag: string; readonly id: string };

/** Opens a connection to another node of the same cluster, as the same user. */
export type OpenNode = (host: string, port: number) => Promise<Redis>;

/**
 * All masters of a cluster as one connection: each command goes to the node that serves its first key, as the map
 * said when the connection was opened. Redirections are not followed, they are errors: who meets one opens anew (L8).
 * A command without a key has no node: it is refused, so that nobody takes one node's answer for the cluster's (L7).
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

  /** The node that serves a key (byte string). */
  nodeOf(key: string): ClusterNode {
    return this.#bySlot[slotOf(key)] as ClusterNode;
  }

  /** Commands of a pipeline come one by one and go out one by one: a socket sends them in order all the same. */
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

/** The servers behind a connection: the masters of a cluster, else the one server, which needs no tag and no name. */
export function nodesOf(redis: Redis): readonly ClusterNode[] {
  return redis instanceof RoutedRedis ? redis.nodes : [{ redis, tag: '', id: '' }];
}

/** The connection to the server that holds a key (byte string): for MULTI, WATCH, and what names no key. */
export function serverOf(redis: Redis, key: string): Redis {
  return redis instanceof RoutedRedis ? redis.nodeOf(key).redis : redis;
}
