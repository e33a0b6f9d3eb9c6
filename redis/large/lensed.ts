import type { Dataset } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import type { Lens, Value } from '../../domain/transform/lens.ts';
import { lensFor } from '../sync/carry.ts';
import { rebuild, type Rebuild } from '../typed/rebuild.ts';
import { type End, piecesOf } from './end.ts';

/** A document has to be in memory as a whole to be transformed, and holds the process up meanwhile (10 ms a MB). */
const MOST_LENSED_BYTES = 16 * 1024 * 1024;
const PIECE_FIELDS = 64;

export type LensedPieces =
  | { readonly ok: true; readonly pieces: readonly Rebuild[]; readonly spelling: number }
  | { readonly ok: false; readonly reason: string };

/** Whether values of that type are transformed at all. */
export function isLensed(dataset: Dataset, type: string): boolean {
  return lensFor(dataset) !== null && (type === 'string' || type === 'hash');
}

/** A large string or hash in the form that it has on `to`; the caller holds a WATCH on it. */
export async function lensedPieces(
  dataset: Dataset,
  to: Side,
  from: { readonly end: End; readonly key: Buffer; readonly type: string },
  spelling: number,
): Promise<LensedPieces> {
  const lens = lensFor(dataset) as Lens;
  const held = await hold(from.end, from.key, from.type);
  if (!held) return { ok: false, reason: 'too large to be transformed: more than 16 MB' };
  const through = (value: Value) => (to === 'target' ? lens.up(value) : lens.down(value, spelling));
  const lensed = through(held.value);
  if (!lensed.ok) return lensed;
  const ttls: Rebuild[] = [];
  for (const [field, ms] of held.ttls) {
    // The field's new name keeps its expiry (L4); what it is called does not depend on its value.
    const one = through({ kind: 'hash', fields: [[field, Buffer.alloc(0)]] });
    const names = one.ok && one.value.kind === 'hash' ? one.value.fields.map(([name]) => asBuffer(name)) : [];
    for (const name of names) ttls.push(rebuild('HPEXPIREAT', [ms, 'FIELDS', '1', name]));
  }
  return { ok: true, pieces: [...commandsOf(lensed.value), ...ttls], spelling: lensed.spelling };
}

type Held = { readonly value: Value; readonly ttls: readonly (readonly [Buffer, string])[] };

async function hold(end: End, key: Buffer, type: string): Promise<Held | null> {
  let bytes = 0;
  const parts: Buffer[] = [];
  const ttls: [Buffer, string][] = [];
  for await (const { words, args } of piecesOf(end, key, type)) {
    if (words[0] === 'HPEXPIREAT') {
      ttls.push([args[3] as Buffer, args[0] as string]);
      continue;
    }
    for (const part of args as Buffer[]) {
      bytes += part.length;
      parts.push(part);
    }
    if (bytes > MOST_LENSED_BYTES) return null;
  }
  return { value: type === 'string' ? { kind: 'string', bytes: Buffer.concat(parts) } : hashOf(parts), ttls };
}

function hashOf(flat: readonly Buffer[]): Value {
  const fields: (readonly [Buffer, Buffer])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return { kind: 'hash', fields };
}

function commandsOf(value: Value): Rebuild[] {
  if (value.kind === 'string') return [rebuild('APPEND', [asBuffer(value.bytes)])];
  const commands: Rebuild[] = [];
  for (let from = 0; from < value.fields.length; from += PIECE_FIELDS) {
    const fields = value.fields.slice(from, from + PIECE_FIELDS);
    commands.push(rebuild('HSET', fields.flat().map(asBuffer)));
  }
  return commands;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
