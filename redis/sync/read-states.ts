import type { Digest } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { LedgerEntry } from '../../domain/ledger-entry.ts';
import { byteString } from '../key-bytes.ts';
import { decodeEntry, type Place } from '../ledger.ts';
import type { SidePort } from './side-port.ts';

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
  readonly entry: LedgerEntry | null;
  /** As it stands there: what compare-and-set expects. */
  readonly entryBytes: string;
};

export type Question = { readonly name: string; readonly place: Place; readonly wanted: Wanted };

/** A key too large for one script has no state before it is walked over (redis/large). */
export const UNREAD: Digest = '';

/**
 * Reads states, values and ledger entries of one side, each key in one atomic look; as many scripts as the server
 * wants so that none takes it long (L14).
 */
export async function readStates(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
): Promise<readonly SideState[]> {
  const states: SideState[] = [];
  let open = [...questions.keys()];
  while (open.length > 0) {
    const asked = open.map((i) => questions[i] as Question);
    const answers = await readOnce(port, keyspace, link, asked);
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
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
): Promise<readonly (SideState | null)[]> {
  const keys = questions.flatMap((q) => [q.name, keyspace.ledger(link, q.place.bucket)]);
  const args = questions.flatMap((q) => [q.wanted, q.place.field]);
  const [now, ...rest] = (await port.run('read', keys, args)) as [Buffer, ...Buffer[]];
  const nowMs = Number(now.toString());
  return questions.map((_question, i) => {
    const [state, form, value, entryBytes] = rest.slice(i * 4, i * 4 + 4) as [
      Buffer,
      Buffer,
      Buffer | Buffer[],
      Buffer,
    ];
    if (form.toString() === 'later') return null;
    const entry = byteString(entryBytes);
    return {
      digest: byteString(state),
      nowMs,
      value: valueOf(form.toString(), value),
      entry: decodeEntry(entry),
      entryBytes: entry,
    };
  });
}

function valueOf(form: string, value: Buffer | Buffer[]): Value {
  if (form === 'large') return { form };
  if (form === 'hash') return { form, fields: pairsOf(value as Buffer[]) };
  if (form === 'list' || form === 'set' || form === 'zset') return { form, items: value as Buffer[] };
  if (form === 'dump') return { form, bytes: value as Buffer };
  if (form === 'string') return { form, bytes: value as Buffer };
  return { form: 'none' };
}

function pairsOf(flat: readonly Buffer[]): (readonly [Buffer, Buffer])[] {
  const pairs: (readonly [Buffer, Buffer])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return pairs;
}
