import { type Digest, type LedgerEntry, STATE_BYTES } from '../../../domain/protocol/protocol.ts';
import { decodeEntry } from '../../state/ledger.ts';

export type StoredValue =
  | { readonly form: 'none' }
  /** Too large for one script, or only commands can carry its type: the large-key loop takes it (`../large`). */
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
  readonly value: StoredValue;
  /** The key is a stream. Commands of consumer groups change it and raise no event. */
  readonly stream: boolean;
  /**
   * The lease's token, read in the same atomic step; '' = no lease; `null` = not asked for, or the side was not read.
   */
  readonly lease: string | null;
  /**
   * Figures of the same atomic step that prove an absence; `null` = no key of the call was absent, or not asked for.
   */
  readonly proof: AbsenceProof | null;
  readonly entry: LedgerEntry | null;
  /** The ledger entry, byte for byte: a write compares with it. */
  readonly entryBytes: string;
};

/**
 * The figures that prove an absence. A flush, an older dataset or an eviction would have changed at least one of them.
 * When they do not prove it, the circuit breaker asks the server before the absence travels. Otherwise a server that
 * lost its data would delete the keys of the other side.
 */
export type AbsenceProof = {
  readonly evicted: number;
  readonly commands: number;
  readonly lease: string;
  /** The watermark record, as JSON; '' = none. */
  readonly record: string;
};

/**
 * Stands for the state of a key that is too large for one script, until redis/replication/large has read it in pieces.
 */
export const UNREAD: Digest = '';

export type Reply = Buffer | Buffer[];

/** Length of form and state, bytes. The length of the entry follows. */
const HEAD = 1 + STATE_BYTES;

/** Decodes the heads of redis/scripts/read.lua; `null` = the server left the key out: the call had done enough. */
export function statesOf(
  { nowMs, lease, proof }: Pick<SideState, 'nowMs' | 'lease' | 'proof'>,
  heads: string,
  values: readonly Reply[],
): readonly (SideState | null)[] {
  const states: (SideState | null)[] = [];
  let value = 0;
  for (let at = 0; at < heads.length; ) {
    const letter = heads.charAt(at);
    const form = OF_STREAMS[letter] ?? letter;
    const entryAt = at + HEAD + 2;
    const length = heads.charCodeAt(at + HEAD) * 256 + heads.charCodeAt(at + HEAD + 1);
    const entryBytes = heads.slice(entryAt, entryAt + length);
    const digest = form === 'U' ? UNREAD : heads.slice(at + 1, at + HEAD);
    const read = WITHOUT_VALUE[form] ?? valueOf(form, values[value++] as Reply);
    const entry = decodeEntry(entryBytes);
    const stream = form !== letter;
    states.push(
      form === 'W' ? null : { digest, nowMs, value: read, stream, lease, proof, entry, entryBytes },
    );
    at = entryAt + entryBytes.length;
  }
  return states;
}

/** Decodes the proof of redis/scripts/turn.lua: the lease and, when a key was absent, the figures that prove it. */
export function proofOf(text: string): { readonly lease: string; readonly proof: AbsenceProof | null } {
  const [lease = '', evicted, commands, ...record] = text.split(' ');
  const proof =
    evicted === undefined
      ? null
      : { evicted: Number(evicted), commands: Number(commands), lease, record: record.join(' ') };
  return { lease, proof };
}

/** The letters that a stream has, each with the letter of the same form for other types. */
const OF_STREAMS: Readonly<Partial<Record<string, string>>> = { '~': '-', r: 'R', c: 'C', u: 'U' };

const WITHOUT_VALUE: Readonly<Partial<Record<string, StoredValue>>> = {
  '-': { form: 'none' },
  W: { form: 'none' },
  C: { form: 'large' },
  U: { form: 'large' },
};

function valueOf(form: string, value: Reply): StoredValue {
  if (form === 'H') return { form: 'hash', fields: pairsOf(value as Buffer[]) };
  if (form === 'L') return { form: 'list', items: value as Buffer[] };
  if (form === 'T') return { form: 'set', items: value as Buffer[] };
  if (form === 'Z') return { form: 'zset', items: value as Buffer[] };
  return { form: form === 'R' ? 'dump' : 'string', bytes: value as Buffer };
}

function pairsOf(flat: readonly Buffer[]): (readonly [Buffer, Buffer])[] {
  const views: (readonly [Buffer, Buffer])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) views.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return views;
}
