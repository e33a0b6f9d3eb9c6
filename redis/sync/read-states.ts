import type { Keyspace } from '../../domain/keyspace.ts';
import type { Place } from '../ledger.ts';
import type { SideState } from './read-reply.ts';
import { ledgerOf, type NodePort, onNodes, type SidePort } from './side-port.ts';

/** How much of a key to read: its state only, or its value too, as DUMP, or (strings and hashes, or all) by plain reads. */
export type Wanted = 'digest' | 'dump' | 'typed' | 'plain';

export type Question = { readonly name: string; readonly place: Place; readonly wanted: Wanted };

/** Whose lease and witness record are the proof of absences; `null` = nobody asks for one. */
export type Proofs = { readonly lease: string; readonly record: string } | null;

/**
 * Reads states, values and ledger entries of one side, each key in one atomic look; in as many calls as the server
 * wants so that none takes it long (L14).
 */
export function readStates(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  proofs: Proofs = null,
): Promise<readonly SideState[]> {
  // On a cluster a side's absences are proven by all of its nodes, which no script of one can ask.
  const alone = port.nodes.length === 1 && port.nodes[0]?.tag === '';
  return onNodes(port, questions, (node, mine) =>
    readNode(node, keyspace, link, mine, alone ? proofs : null),
  );
}

async function readNode(
  port: NodePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  proofs: Proofs,
): Promise<readonly SideState[]> {
  const answers = await readOnce(port, keyspace, link, questions, proofs);
  if (!answers.includes(null)) return answers as readonly SideState[];
  const open = questions.filter((_question, i) => !answers[i]);
  const rest = [...(await readNode(port, keyspace, link, open, proofs))];
  return answers.map((answer) => answer ?? (rest.shift() as SideState));
}

/** `null` where the script had done enough for one call. */
function readOnce(
  port: NodePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  proofs: Proofs,
): Promise<readonly (SideState | null)[]> {
  const keys: string[] = [];
  const args: string[] = [];
  for (const { name, place, wanted } of questions) {
    keys.push(name, ledgerOf(port, keyspace, link, name, place));
    args.push(WANTED[wanted] + place.field);
  }
  return port.turns.read(keys, args, proofs);
}

const WANTED: Readonly<Record<Wanted, string>> = { digest: 'd', dump: 'r', typed: 't', plain: 'p' };
