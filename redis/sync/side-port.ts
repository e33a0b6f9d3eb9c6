import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import { slotOf, tagged, tagOf } from '../../domain/slot.ts';
import { byPlace } from '../cluster/by-node.ts';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import type { Place } from '../ledger.ts';
import { loadNodeScripts, loadScripts, type RunScript } from '../scripts/index.ts';
import { Turns } from './turns.ts';

/** One server as the engine sees it: the data connection and our scripts on it. */
export type NodePort = {
  readonly side: Side;
  readonly redis: Redis;
  readonly run: RunScript;
  /** Reads, glances and writes of data keys: those of one turn go in one call. */
  readonly turns: Turns;
  /** Of a node of a cluster: makes a key of ours stand there. Empty: one server, which holds every key. */
  readonly tag: string;
};

/** One side of a link: one server, which is its own only node, or the masters of a cluster. */
export type SidePort = NodePort & {
  readonly nodes: readonly NodePort[];
  /** The node that serves a key (byte string). */
  nodeOf(name: string): NodePort;
};

export type SidePorts = Readonly<Record<Side, SidePort>>;

export async function portOf(side: Side, redis: Redis): Promise<SidePort> {
  const run = await loadScripts(redis);
  const whole = { side, redis, run, turns: new Turns(run, side), tag: '' };
  if (!(redis instanceof RoutedRedis)) return alone(whole);
  const nodes: NodePort[] = [];
  for (const { redis: node, tag } of redis.nodes) {
    const own = await loadNodeScripts(node);
    nodes.push({ side, redis: node, run: own, turns: new Turns(own, side), tag });
  }
  const nodeOf = (name: string) => nodes[redis.nodes.indexOf(redis.nodeOf(name))] as NodePort;
  return { ...whole, nodes, nodeOf };
}

/** A server as a side of its own. */
export function alone<P extends NodePort>(node: P): P & SidePort {
  return { ...node, nodes: [node], nodeOf: () => node };
}

/** Does a work on keys in one call for each node that serves some of them; the answers are in the order of the keys. */
export async function onNodes<K extends { readonly name: string }, A>(
  port: SidePort,
  items: readonly K[],
  work: (node: NodePort, items: readonly K[]) => Promise<readonly A[]>,
): Promise<readonly A[]> {
  const [only, another] = port.nodes;
  if (only && !another) return work(only, items);
  return byPlace(items, ({ name }) => port.nodeOf(name), work);
}

/**
 * Where the entry of a key stands: on a node in the slot of the key's name there, so that both move together when the
 * slot does.
 */
export function ledgerOf(
  node: NodePort,
  keyspace: Keyspace,
  link: string,
  name: string,
  place: Place,
): string {
  return keyspace.ledger(link, node.tag === '' ? place.bucket : slotBucket(name));
}

/** The same, asked by a connection. */
export function ledgerAt(redis: Redis, keyspace: Keyspace, link: string, name: string, place: Place): string {
  return keyspace.ledger(link, redis instanceof RoutedRedis ? slotBucket(name) : place.bucket);
}

/** The bucket of a key on a cluster: that of its slot. */
export function slotBucket(name: string): string {
  return `{${tagOf(slotOf(name))}}`;
}

/** The authority record that scripts on a node compare with: on a cluster each has its own copy (L1). */
export function authorityOf({ tag }: NodePort, keyspace: Keyspace): string {
  return tag === '' ? AUTHORITY_KEY : tagged(keyspace.authority(), tag);
}

/** A key of ours that must be renamed to or from a data key: on a cluster in that key's slot. */
export function besideOf({ tag }: NodePort, key: string, name: string): string {
  return tag === '' ? key : tagged(key, tagOf(slotOf(name)));
}
