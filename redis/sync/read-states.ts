import type { Digest } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { LedgerEntry } from '../../domain/ledger-entry.ts';
import { byteString } from '../key-bytes.ts';
import { decodeEntry, type Place } from '../ledger.ts';
import { ledgerOf, type NodePort, onNodes, type SidePort } from './side-port.ts';

/** How much of a key to read: its state only, or its value too, as DUMP, or (strings and hashes, or all) by plain reads. */
export type Wanted = 'digest' | 'dump' | 'typed' | 'plain';

export type Value =
  | { readonly form: 'none' }
  /** Too large for one script, or of a type that only commands carry: goes by redis/large. */
  | { readonly form: 'large' }
  | { readonly form: 'dump'; readonly bytes: Buffer }
  | { readonly form: 'string'; readonly bytes: Buffer }
  | { readonly form: 'hash'; readonly fields: readonly (readonly [Buffer, Buffer])[] }
  | { readonly form: 'list'; readonly items: readonly Buffer[] }
  | { readonly form: 'set'; readonly items: readonly Buffer[] }
  | { readonly form: 'zset'; readonly items: readonly Buffer[] };

export type SideState = {
  readonly digest: Digest;
  readonly nowMs: number;
  readonly value: Value;
  /** Of an absence that was asked about: what the server showed in the same atomic look. */
  readonly proof: Proof | null;
  readonly entry: LedgerEntry | null;
  /** As it stands there: what compare-and-set expects. */
  readonly entryBytes: string;
};

/** That an absence is meant shows in what a flush, an older dataset or an eviction would have changed (L5). */
export type Proof = {
  readonly evicted: number;
  readonly lease: string;
  /** The witness record, JSON; '' = none. */
  readonly record: string;
};

/** Whose lease and record are the proof; both are '' where nobody asks for one. */
export type Proofs = { readonly lease: string; readonly record: string };

const NO_PROOFS: Proofs = { lease: '', record: '' };

export type Question = { readonly name: string; readonly place: Place; readonly wanted: Wanted };

/** A key too large for one script has no state before it is walked over (redis/large). */
export const UNREAD: Digest = '';

/**
 * Reads states, values and ledger entries of one side, each key in one atomic look; as many scripts as the server
 * wants so that none takes it long (L14).
 */
export function readStates(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  proofs: Proofs = NO_PROOFS,
): Promise<readonly SideState[]> {
  // On a cluster a side's absences are proven by all of its nodes, which no script of one can ask.
  const [first, another] = port.nodes;
  const proven = first && !another && first.tag === '' ? proofs : NO_PROOFS;
  return onNodes(port, questions, (node, mine) => readNode(node, keyspace, link, mine, proven));
}

async function readNode(
  port: NodePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  proofs: Proofs,
): Promise<readonly SideState[]> {
  const states: SideState[] = [];
  let open = [...questions.keys()];
  while (open.length > 0) {
    const asked = open.map((i) => questions[i] as Question);
    const answers = await readOnce(port, keyspace, link, asked, proofs);
    for (const [at, i] of open.entries()) {
      const answer = answers[at];
      if (answer) states[i] = answer;
    }
    open = open.filter((_i, at) => !answers[at]);
  }
  return states;
}

/** `null` where the script had done enough for one call. */
async function readOnce(
  port: NodePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
  { lease, record }: Proofs,
): Promise<readonly (SideState | null)[]> {
  const keys: string[] = [lease, record];
  const args: string[] = [];
  for (const { name, place, wanted } of questions) {
    keys.push(name, ledgerOf(port, keyspace, link, name, place));
    args.push(WANTED[wanted] + place.field);
  }
  const [now, heads, proof, ...values] = (await port.run('read', keys, args)) as Replies;
  return statesOf({ nowMs: Number(now.toString()), proof: proofOf(proof.toString()) }, byteString(heads), values);
}

const WANTED: Readonly<Record<Wanted, string>> = { digest: 'd', dump: 'r', typed: 't', plain: 'p' };

/** Form and state, then the length of the entry. */
const HEAD = 17;

/** See redis/scripts/read.lua. */
function statesOf(
  { nowMs, proof }: Pick<SideState, 'nowMs' | 'proof'>,
  heads: string,
  values: readonly Reply[],
): readonly (SideState | null)[] {
  const states: (SideState | null)[] = [];
  let value = 0;
  for (let at = 0; at < heads.length; ) {
    const form = heads.charAt(at);
    const entryAt = at + HEAD + 1;
    const entryBytes = heads.slice(entryAt, entryAt + heads.charCodeAt(at + HEAD));
    const digest = form === 'U' ? UNREAD : heads.slice(at + 1, at + HEAD);
    const read = WITHOUT_VALUE[form] ?? valueOf(form, values[value++] as Reply);
    const entry = decodeEntry(entryBytes);
    states.push(form === 'W' ? null : { digest, nowMs, value: read, proof, entry, entryBytes });
    at = entryAt + entryBytes.length;
  }
  return states;
}

type Reply = Buffer | Buffer[];
type Replies = [now: Buffer, heads: Buffer, proof: Buffer, ...values: Reply[]];

function proofOf(text: string): Proof | null {
  if (text === '') return null;
  const [evicted = '', lease = '', ...record] = text.split(' ');
  return { evicted: Number(evicted), lease, record: record.join(' ') };
}

const WITHOUT_VALUE: Readonly<Partial<Record<string, Value>>> = {
  '-': { form: 'none' },
  W: { form: 'none' },
  C: { form: 'large' },
  U: { form: 'large' },
};

function valueOf(form: string, value: Reply): Value {
  if (form === 'H') return { form: 'hash', fields: pairsOf(value as Buffer[]) };
  if (form === 'L') return { form: 'list', items: value as Buffer[] };
  if (form === 'T') return { form: 'set', items: value as Buffer[] };
  if (form === 'Z') return { form: 'zset', items: value as Buffer[] };
  return { form: form === 'R' ? 'dump' : 'string', bytes: value as Buffer };
}

function pairsOf(flat: readonly Buffer[]): (readonly [Buffer, Buffer])[] {
  const pairs: (readonly [Buffer, Buffer])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return pairs;
}
