import type { Dataset } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { expireAtOf } from '../../domain/digest.ts';
import { type Lens, lensOf, type Value as LensValue } from '../../domain/transform/lens.ts';
import { byteString } from '../key-bytes.ts';
import { scoresFirst } from '../typed/walk.ts';
import type { SideState, Value } from './read-reply.ts';

/** A value in the form it has on the side it travels to, or why it cannot go there (L11). */
export type Carried =
  | {
      readonly ok: true;
      readonly act: 'restore' | 'string' | 'hash' | 'list' | 'set' | 'zset' | 'delete';
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
  if (value.form === 'large') return { ok: false, reason: 'a large value in one piece' };
  if (value.form === 'none') return { ok: true, act: 'delete', value: NOTHING, spelling };
  if (value.form === 'dump') return { ok: true, act: 'restore', value: value.bytes, spelling };
  if (value.form === 'list' || value.form === 'set')
    return { ok: true, act: value.form, value: pack(value.items), spelling };
  if (value.form === 'zset')
    return { ok: true, act: 'zset', value: pack(scoresFirst(value.items)), spelling };
  const lens = lensFor(dataset);
  const plain = lensValue(value);
  if (!lens) return { ok: true, ...written(plain), spelling };
  const lensed = to === 'target' ? lens.up(plain) : lens.down(plain, spelling);
  return lensed.ok ? { ok: true, ...written(lensed.value), spelling: lensed.spelling } : lensed;
}

function written(value: LensValue): { act: 'string' | 'hash'; value: Buffer } {
  return value.kind === 'string'
    ? { act: 'string', value: asBuffer(value.bytes) }
    : { act: 'hash', value: pack(value.fields.flat()) };
}

/** Whether both sides say the same, seen through the transform; expiry included (L4). */
export function sameThroughTransform(dataset: Dataset, source: SideState, target: SideState): boolean {
  const [one, other] = [source.value, target.value];
  if (!isPlain(one) || !isPlain(other)) return source.digest === target.digest;
  if (one.form !== other.form) return false;
  if (expireAtOf(source.digest) !== expireAtOf(target.digest)) return false;
  const canonical = canonicalOf(dataset, one);
  return canonical !== null && canonical === canonicalOf(dataset, other);
}

/** Equal for equal contents, whatever order or spelling; `null` = the transform refuses it. */
function canonicalOf(dataset: Dataset, value: PlainValue): string | null {
  if (value.form === 'list') return byteString(pack(value.items));
  if (value.form === 'set')
    return value.items
      .map((member) => byteString(pack([member])))
      .sort()
      .join('');
  if (value.form === 'zset') return canonicalScores(value.items);
  const lens = lensFor(dataset);
  const plain = lensValue(value);
  const up = lens ? lens.up(plain) : ({ ok: true, value: plain } as const);
  return up.ok ? canonicalValue(up.value) : null;
}

function canonicalValue(value: LensValue): string {
  if (value.kind === 'string') return byteString(asBuffer(value.bytes));
  return value.fields
    .map((pair) => byteString(pack(pair)))
    .sort()
    .join('');
}

/** Servers print one double in several ways: the number counts. Infinities are no number to `Number`. */
function canonicalScores(pairs: readonly Buffer[]): string {
  const parts = pairs.map((part, i) => (i % 2 === 0 ? part : Buffer.from(canonicalScore(byteString(part)))));
  return byteString(pack(parts));
}

export function canonicalScore(text: string): string {
  return /inf|^-0$/.test(text) ? text : String(Number(text));
}

type PlainValue = Exclude<Value, { form: 'none' } | { form: 'dump' } | { form: 'large' }>;

function isPlain(value: Value): value is PlainValue {
  return value.form !== 'none' && value.form !== 'dump' && value.form !== 'large';
}

function lensValue(value: Extract<Value, { form: 'string' } | { form: 'hash' }>): LensValue {
  return value.form === 'hash'
    ? { kind: 'hash', fields: value.fields }
    : { kind: 'string', bytes: value.bytes };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** MessagePack array of raw strings: what `cmsgpack.unpack` makes a Lua table of. */
function pack(parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(0xdd, 0);
  head.writeUInt32BE(parts.length, 1);
  const packed: Uint8Array[] = [head];
  for (const bytes of parts) {
    const size = Buffer.alloc(5);
    size.writeUInt8(0xdb, 0);
    size.writeUInt32BE(bytes.byteLength, 1);
    packed.push(size, bytes);
  }
  return Buffer.concat(packed);
}
