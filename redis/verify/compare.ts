import type { Lens, Value } from '../../domain/transform/value.ts';
import { canonical } from './canonical-parts.ts';
import { PackedState } from './packed-state.ts';
import { type Present, sameParts, type TypedState } from './typed-state.ts';

/** How the copies of a key differ. */
export type What = 'missing on target' | 'missing on source' | 'type' | 'value' | 'expiry';

/**
 * Compares the copies of one key in their V2 form: `up` of both sides, to the byte, and the expiry to the
 * millisecond. A value that `up` refuses is equal to nothing: it belongs in quarantine (L11).
 *
 * What it cannot see: a document that V2 holds in the source's spelling counts as equal, because V2's apps may
 * write that spelling too; and a lens that is wrong in the same way for both. The golden vectors stand for those.
 *
 * @param lens null = the dataset travels byte for byte
 */
export function difference(lens: Lens | null, source: TypedState, target: TypedState): What | null {
  if (source === null) return target === null ? null : 'missing on source';
  if (target === null) return 'missing on target';
  if (lens === null && samePacked(source, target)) return null;
  if (source.type !== target.type) return 'type';
  if (!sameContent(lens, source, target)) return 'value';
  return source.expireAtMs === target.expireAtMs ? null : 'expiry';
}

/** Type, expiry and content at once: what is not the same may still be equal, in another order. */
function samePacked(source: Present, target: Present): boolean {
  const packed = source instanceof PackedState && target instanceof PackedState;
  return packed && source.packed.equals(target.packed);
}

function sameContent(lens: Lens | null, source: Present, target: Present): boolean {
  if (lens === null || (source.type !== 'string' && source.type !== 'hash')) {
    return sameParts(source.parts, target.parts);
  }
  const up = lifted(lens, source);
  if (up === null) return false;
  // Most copies are just what was written, in its order: neither has to be sorted, nor this one lifted.
  if (sameParts(up, target.elements)) return true;
  const there = lifted(lens, target);
  return there !== null && sameParts(canonical(source.type, up), canonical(source.type, there));
}

/** The elements in V2 form; `null` = refused. */
function lifted(lens: Lens, state: Present): readonly Buffer[] | null {
  const result = lens.up(valueOf(state));
  if (!result.ok) return null;
  const { value } = result;
  return value.kind === 'string' ? [asBuffer(value.bytes)] : value.fields.flat().map(asBuffer);
}

function valueOf({ type, elements }: Present): Value {
  if (type === 'string') return { kind: 'string', bytes: elements[0]! };
  const fields: (readonly [Uint8Array, Uint8Array])[] = [];
  for (let i = 0; i < elements.length; i += 2) fields.push([elements[i]!, elements[i + 1]!]);
  return { kind: 'hash', fields };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
