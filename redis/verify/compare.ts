import type { Lens, Value } from '../../domain/transform/value.ts';
import { canonical } from './canonical-parts.ts';
import { sameParts, type TypedState } from './typed-state.ts';

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
  if (source.type !== target.type) return 'type';
  if (!sameContent(lens, source, target)) return 'value';
  return source.expireAtMs === target.expireAtMs ? null : 'expiry';
}

type Present = NonNullable<TypedState>;

function sameContent(lens: Lens | null, source: Present, target: Present): boolean {
  if (lens === null || (source.type !== 'string' && source.type !== 'hash')) {
    return sameParts(source.parts, target.parts);
  }
  const up = lifted(lens, source);
  const there = lifted(lens, target);
  return up !== null && there !== null && sameParts(up, there);
}

/** The parts in V2 form, fields sorted under their new names; `null` = refused. */
function lifted(lens: Lens, state: Present): readonly Uint8Array[] | null {
  const result = lens.up(valueOf(state));
  if (!result.ok) return null;
  const { value } = result;
  return value.kind === 'string' ? [value.bytes] : canonical('hash', value.fields.flat().map(asBuffer));
}

function valueOf(state: Present): Value {
  if (state.type === 'string') return { kind: 'string', bytes: state.parts[0]! };
  const fields: (readonly [Uint8Array, Uint8Array])[] = [];
  for (let i = 0; i < state.parts.length; i += 2) fields.push([state.parts[i]!, state.parts[i + 1]!]);
  return { kind: 'hash', fields };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
