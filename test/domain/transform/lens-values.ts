import { expect } from 'vitest';
import { lensOf, type Lens, type Lensed, type Spelling, type Value } from '../../../domain/transform/lens.ts';
import type { Form } from './golden-vectors.ts';

export function lens(): Lens {
  const found = lensOf('offers_to_jobs');
  if (!found) throw new Error('offers_to_jobs has no lens');
  return found;
}

export function bytesOf(text: string): Uint8Array {
  return text.startsWith('hex:') ? Buffer.from(text.slice(4), 'hex') : Buffer.from(text);
}

export function valueOf(form: Form): Value {
  if (typeof form === 'string') return { kind: 'string', bytes: bytesOf(form) };
  return { kind: 'hash', fields: form.map(([field, value]) => [bytesOf(field), bytesOf(value)] as const) };
}

/** The value as text that is easy to read in a failed expectation. It is equal only if the values are, to the byte. */
export function shown(value: Value): unknown {
  const show = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  return value.kind === 'string' ? show(value.bytes) : value.fields.map((pair) => pair.map(show));
}

export function carried(lensed: Lensed): { value: Value; spelling: Spelling } {
  if (!lensed.ok) expect.fail(`refused: ${lensed.reason}`);
  return lensed;
}
