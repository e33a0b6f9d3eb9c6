import type { Digest } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { LedgerEntry } from '../../domain/ledger-entry.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { decodeEntry, type Place } from '../ledger.ts';
import type { SidePort } from './side-port.ts';

/** How much of a key to read: its state only, or its value too, as DUMP or (strings and hashes) typed. */
export type Wanted = 'digest' | 'dump' | 'typed';

export type Value =
  | { readonly form: 'none' }
  | { readonly form: 'dump' | 'string'; readonly bytes: Buffer }
  | { readonly form: 'hash'; readonly fields: readonly (readonly [Buffer, Buffer])[] };

export type SideState = {
  readonly digest: Digest;
  readonly nowMs: number;
  readonly value: Value;
  readonly entry: LedgerEntry | null;
  /** As it stands there: what compare-and-set expects. */
  readonly entryBytes: Buffer;
};

export type Question = { readonly name: string; readonly place: Place; readonly wanted: Wanted };

/** Reads states, values and ledger entries of one side in one atomic script. */
export async function readStates(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  questions: readonly Question[],
): Promise<readonly SideState[]> {
  const keys = questions.flatMap((q) => [keyBytes(q.name), keyspace.ledger(link, q.place.bucket)]);
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
    return {
      digest: byteString(state),
      nowMs,
      value: valueOf(form.toString(), value),
      entry: decodeEntry(entryBytes),
      entryBytes,
    };
  });
}

function valueOf(form: string, value: Buffer | Buffer[]): Value {
  if (Array.isArray(value)) {
    const fields: [Buffer, Buffer][] = [];
    for (let i = 0; i + 1 < value.length; i += 2) fields.push([value[i] as Buffer, value[i + 1] as Buffer]);
    return { form: 'hash', fields };
  }
  return form === 'dump' || form === 'string' ? { form, bytes: value } : { form: 'none' };
}
