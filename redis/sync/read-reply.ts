import type { Digest } from '../../domain/digest.ts';
import type { LedgerEntry } from '../../domain/ledger-entry.ts';
import { decodeEntry } from '../ledger.ts';

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

/** A key too large for one script has no state before it is walked over (redis/large). */
export const UNREAD: Digest = '';

export type Reply = Buffer | Buffer[];

/** Form and state, then the length of the entry. */
const HEAD = 17;

/** What redis/scripts/read.lua says of the keys of one call; `null` where the script had done enough for one. */
export function statesOf(
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

export function proofOf(text: string): Proof | null {
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
