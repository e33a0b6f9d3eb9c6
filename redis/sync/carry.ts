import type { Dataset } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { expireAtOf } from '../../domain/digest.ts';
import { type Lens, lensOf, type Value as LensValue } from '../../domain/transform/lens.ts';
import type { SideState, Value } from './read-states.ts';

/** A value in the form it has on the side it travels to, or why it cannot go there (L11). */
export type Carried =
  | {
      readonly ok: true;
      readonly act: 'restore' | 'string' | 'hash' | 'delete';
      readonly value: Buffer;
      readonly spelling: number;
    }
  | { readonly ok: false; readonly reason: string };

const NOTHING = Buffer.alloc(0);
const LENSES = new Map<Dataset['transform'], Lens | null>();

export function lensFor(dataset: Dataset): Lens | null {
  let lens = LENSES.get(dataset.transform);
  if (lens === undefined) {
    lens = lensOf(dataset.transform);
    LENSES.set(dataset.transform, lens);
  }
  return lens;
}

/** Takes a state through the transform: `up` to the target, `down` (with the remembered spelling) to the source. */
export function carry(dataset: Dataset, to: Side, value: Value, spelling: number): Carried {
  if (value.form === 'none') return { ok: true, act: 'delete', value: NOTHING, spelling };
  if (value.form === 'dump') return { ok: true, act: 'restore', value: value.bytes, spelling };
  const lens = lensFor(dataset);
  if (!lens) return { ok: false, reason: 'typed value without a transform' };
  const lensed = to === 'target' ? lens.up(lensValue(value)) : lens.down(lensValue(value), spelling);
  if (!lensed.ok) return lensed;
  const out = lensed.value;
  if (out.kind === 'string')
    return { ok: true, act: 'string', value: asBuffer(out.bytes), spelling: lensed.spelling };
  return { ok: true, act: 'hash', value: packFields(out.fields), spelling: lensed.spelling };
}

/** Whether both sides say the same, seen through the transform; expiry included (L4). */
export function sameThroughTransform(dataset: Dataset, source: SideState, target: SideState): boolean {
  const lens = lensFor(dataset);
  if (!lens || source.value.form !== target.value.form || source.value.form === 'dump')
    return source.digest === target.digest;
  if (source.value.form === 'none' || target.value.form === 'none' || target.value.form === 'dump')
    return false;
  if (expireAtOf(source.digest) !== expireAtOf(target.digest)) return false;
  const one = lens.up(lensValue(source.value));
  const other = lens.up(lensValue(target.value));
  return one.ok && other.ok && canonical(one.value) === canonical(other.value);
}

function lensValue(value: Exclude<Value, { form: 'none' }>): LensValue {
  return value.form === 'hash'
    ? { kind: 'hash', fields: value.fields }
    : { kind: 'string', bytes: value.bytes };
}

function canonical(value: LensValue): string {
  if (value.kind === 'string') return asBuffer(value.bytes).toString('latin1');
  const fields = value.fields.map(([name, content]) => packFields([[name, content]]).toString('latin1'));
  return fields.sort().join('');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** MessagePack array of raw strings: what `cmsgpack.unpack` makes a Lua table of. */
function packFields(fields: readonly (readonly [Uint8Array, Uint8Array])[]): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(0xdd, 0);
  head.writeUInt32BE(fields.length * 2, 1);
  const parts: Uint8Array[] = [head];
  for (const bytes of fields.flat()) {
    const size = Buffer.alloc(5);
    size.writeUInt8(0xdb, 0);
    size.writeUInt32BE(bytes.byteLength, 1);
    parts.push(size, bytes);
  }
  return Buffer.concat(parts);
}
