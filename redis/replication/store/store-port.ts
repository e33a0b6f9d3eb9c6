import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace } from '../../../domain/keys/keyspace.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { slotOf, tagged, tagOf } from '../../../domain/keys/slot.ts';
import { byPlace, RoutedRedis } from '../../client/cluster-client.ts';
import { ledgerFor, type EntryPlace } from '../../state/ledger.ts';
import { loadNodeScripts, loadScripts, type RunScript } from '../../scripts/runner.ts';
import { ScriptBatcher } from './script-batcher.ts';
import type { SideState } from './state-codec.ts';

/** One server as the sync uses it: the data connection, and our scripts on it. */
export type NodePort = {
  readonly side: Side;
  readonly redis: Redis;
  readonly run: RunScript;
  /** Sends reads, writes and state checks of data keys. All that the sync asks in one turn goes in one call. */
  readonly scripts: ScriptBatcher;
  /** On a cluster: a tag that puts a key of ours on this node. Empty on a single server, which holds every key. */
  readonly tag: string;
};

/** One side of a link: the masters of a cluster, or a single server, which is then the only node. */
export type SidePort = NodePort & {
  readonly nodes: readonly NodePort[];
  /** Returns the node that serves a key (byte string). */
  nodeOf(name: string): NodePort;
};

export type SidePorts = Readonly<Record<Side, SidePort>>;

export async function portOf(side: Side, redis: Redis): Promise<SidePort> {
  const run = await loadScripts(redis);
  const whole = { side, redis, run, scripts: new ScriptBatcher(run, side), tag: '' };
  if (!(redis instanceof RoutedRedis)) return alone(whole);
  const nodes: NodePort[] = [];
  for (const { redis: node, tag } of redis.nodes) {
    const own = await loadNodeScripts(node);
    nodes.push({ side, redis: node, run: own, scripts: new ScriptBatcher(own, side), tag });
  }
  const nodeOf = (name: string) => nodes[redis.nodes.indexOf(redis.nodeOf(name))] as NodePort;
  return { ...whole, nodes, nodeOf };
}

/** Makes a side of a single server. */
export function alone<P extends NodePort>(node: P): P & SidePort {
  return { ...node, nodes: [node], nodeOf: () => node };
}

/**
 * Calls `work` once for each node that serves some of the keys.
 *
 * @returns the answers, in the order of the keys
 */
export async function onNodes<K extends { readonly name: string }, A>(
  port: SidePort,
  items: readonly K[],
  work: (node: NodePort, items: readonly K[]) => Promise<readonly A[]>,
): Promise<readonly A[]> {
  const [only, another] = port.nodes;
  if (only && !another) return work(only, items);
  return byPlace(items, ({ name }) => port.nodeOf(name), work);
}

/** The ledger bucket on this node that holds the entry of a key. */
export function ledgerOf(
  { tag }: NodePort,
  keyspace: Keyspace,
  link: string,
  name: string,
  place: EntryPlace,
): string {
  return ledgerFor(name, place, { keyspace, link, slotted: tag !== '' });
}

/** The authority record that scripts on a node compare with. On a cluster each node has its own copy. */
export function authorityOf({ tag }: NodePort, keyspace: Keyspace): string {
  return tag === '' ? AUTHORITY_KEY : tagged(keyspace.authority(), tag);
}

/** A key of ours that a script renames to or from a data key. On a cluster it has to be in the slot of that key. */
export function besideOf({ tag }: NodePort, key: string, name: string): string {
  return tag === '' ? key : tagged(key, tagOf(slotOf(name)));
}

/**
 * How much of a key to read:
 *
 * - `digest`: the state only,
 * - `dump`: the state, and the value as DUMP,
 * - `typed`: strings and hashes by plain reads, all other types as DUMP,
 * - `plain`: all types by plain reads.
 */
export type ReadDepth = 'digest' | 'dump' | 'typed' | 'plain';

export type Question = { readonly name: string; readonly place: EntryPlace; readonly wanted: ReadDepth };

/** The keys of the lease and the watermark record, which prove absences; `null` = the caller needs no proof. */
type Proofs = { readonly lease: string; readonly record: string } | null;

/** Reads states, values and ledger entries of one side, each key in one atomic step. */
export function readStates(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  proofs: Proofs = null,
): Promise<readonly SideState[]> {
  // On a cluster an absence is proven only by all nodes of the side, and a script can read only its own node.
  const alone = port.nodes.length === 1 && port.nodes[0]?.tag === '';
  return onNodes(port, questions, (node, mine) => {
    const keys: string[] = [];
    const args: string[] = [];
    for (const { name, place, wanted } of mine) {
      keys.push(name, ledgerOf(node, keyspace, link, name, place));
      args.push(WANTED[wanted] + place.field);
    }
    return node.scripts.read(keys, args, alone ? proofs : null);
  });
}

const WANTED: Readonly<Record<ReadDepth, string>> = { digest: 'd', dump: 'r', typed: 't', plain: 'p' };
