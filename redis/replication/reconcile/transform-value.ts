import type { Dataset, Side } from '../../../domain/plan/plan.ts';
import { expireAtOf } from '../../../domain/protocol/protocol.ts';
import { type Lens, lensOf, type Value as LensValue } from '../../../domain/transform/lens.ts';
import { asBuffer, byteString } from '../../client/key-bytes.ts';
import { scoresFirst } from '../../client/chunked-read.ts';
import type { SideState, StoredValue } from '../store/state-codec.ts';

/**
 * A value in the form of the side it travels to: `act` says how the script writes it, `spelling` goes into the ledger
 * entry. Or the reason why the value cannot travel.
 */
export type TransformedValue =
  | {
      readonly ok: true;
      readonly act: 'restore' | 'string' | 'hash' | 'list' | 'set' | 'zset' | 'delete';
      readonly value: Buffer;
      readonly spelling: string;
    }
  | { readonly ok: false; readonly reason: string };

export const NOTHING = Buffer.alloc(0);
const LENSES = new Map<Dataset['transform'], Lens | null>();

/** The lens of a dataset's transform; `null` = its values travel unchanged. */
export function lensFor(dataset: Dataset): Lens | null {
  let lens = LENSES.get(dataset.transform);
  if (lens === undefined) {
    lens = lensOf(dataset.transform);
    LENSES.set(dataset.transform, lens);
  }
  return lens;
}

/**
 * Transforms a value: `up` on the way to the target, `down` on the way to the source.
 *
 * @param spelling how the source's document spelled its names, as the ledger entry says; '' = not known
 */
export function transformValue(
  dataset: Dataset,
  to: Side,
  value: StoredValue,
  spelling: string,
): TransformedValue {
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

/**
 * Whether both sides hold the same value, seen through the transform, with the same expiry. If a value was not read by
 * plain reads, only the digests are compared.
 */
export function sameThroughTransform(dataset: Dataset, source: SideState, target: SideState): boolean {
  const [one, other] = [source.value, target.value];
  if (!isPlain(one) || !isPlain(other)) return source.digest === target.digest;
  if (one.form !== other.form) return false;
  if (expireAtOf(source.digest) !== expireAtOf(target.digest)) return false;
  const canonical = canonicalOf(dataset, one);
  return canonical !== null && canonical === canonicalOf(dataset, other);
}

/** A text that is the same for equal contents, in any order and spelling; `null` = the transform refuses the value. */
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
    .map((view) => byteString(pack(view)))
    .sort()
    .join('');
}

/** Servers print one double in several ways, so the numbers are compared and not their texts. */
function canonicalScores(views: readonly Buffer[]): string {
  const parts = views.map((part, i) => (i % 2 === 0 ? part : Buffer.from(scoreText(byteString(part)))));
  return byteString(pack(parts));
}

/** One text for each score. Infinities and -0 stay as they are: `Number` does not read them, or drops the sign. */
export function scoreText(text: string): string {
  return /inf|^-0$/.test(text) ? text : String(Number(text));
}

type PlainValue = Exclude<StoredValue, { form: 'none' } | { form: 'dump' } | { form: 'large' }>;

function isPlain(value: StoredValue): value is PlainValue {
  return value.form !== 'none' && value.form !== 'dump' && value.form !== 'large';
}

function lensValue(value: Extract<StoredValue, { form: 'string' } | { form: 'hash' }>): LensValue {
  return value.form === 'hash'
    ? { kind: 'hash', fields: value.fields }
    : { kind: 'string', bytes: value.bytes };
}

/** A MessagePack array of raw strings, which `cmsgpack.unpack` turns into a Lua table. */
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
