import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Spelling, Value } from '../../../domain/transform/lens.ts';
import { arbitraryJson, UNKNOWN_NAMES } from './arbitrary-json.ts';
import { carried, lens, shown } from './lens-values.ts';

const SYNONYMS = [
  ['offers', 'offres', 'job_data', 'jobs'],
  ['offer_id', 'job_id'],
  ['offer_ids', 'job_ids'],
  ['total_offers', 'total_offres', 'total_jobs'],
] as const;
const ALL_NAMES = SYNONYMS.flat();
const CANONICAL = ['jobs', 'job_id', 'job_ids', 'total_jobs'];

/** One name for each concept: such a document is never refused. */
const consistentNames = fc.tuple(...SYNONYMS.map((names) => fc.constantFrom(...names)));

function valueWith(names: readonly string[]): fc.Arbitrary<Value> {
  const document = arbitraryJson([...names, ...names, ...UNKNOWN_NAMES]).map((text) => Buffer.from(text));
  const content = fc.oneof(document, fc.uint8Array({ maxLength: 12 }));
  const field = fc.constantFrom(...names, ...UNKNOWN_NAMES);
  const fields = fc.uniqueArray(fc.tuple(field, content), { selector: ([name]) => name, maxLength: 6 });
  return fc.oneof(
    document.map((bytes): Value => ({ kind: 'string', bytes })),
    fields.map(
      (pairs): Value => ({
        kind: 'hash',
        fields: pairs.map(([name, value]) => [Buffer.from(name), value] as const),
      }),
    ),
  );
}

const sourceValue = consistentNames.chain(valueWith);
const targetValue = valueWith(CANONICAL);
const anyValue = valueWith(ALL_NAMES);

/** One form for each concept, or none. */
const singleSpelling: fc.Arbitrary<Spelling> = fc
  .tuple(fc.nat(4), fc.nat(2), fc.nat(2), fc.nat(3))
  .map((picks) =>
    [0, 4, 6, 8].reduce((sum, first, concept) => {
      const pick = picks[concept] ?? 0;
      return pick === 0 ? sum : sum | (1 << (first + pick - 1));
    }, 0),
  );

describe('the laws of offers_to_jobs', () => {
  it('down(up(x)) = x to the byte, whatever the source spells', () => {
    fc.assert(
      fc.property(sourceValue, (value) => {
        const up = carried(lens().up(value));
        const down = carried(lens().down(up.value, up.spelling));
        expect(shown(down.value)).toEqual(shown(value));
        expect(down.spelling).toBe(up.spelling);
      }),
      { numRuns: 1_000 },
    );
  });

  it('up is idempotent', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const once = lens().up(value);
        fc.pre(once.ok);
        const twice = carried(lens().up(once.value));
        expect(shown(twice.value)).toEqual(shown(once.value));
        expect(twice.value).toBe(once.value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('a V2 document, changed at will, comes back from the source as V2 has it', () => {
    fc.assert(
      fc.property(targetValue, singleSpelling, (value, spelling) => {
        const down = carried(lens().down(value, spelling));
        const up = carried(lens().up(down.value));
        expect(shown(up.value)).toEqual(shown(value));
        expect(down.spelling & up.spelling).toBe(up.spelling);
        expect(down.spelling & spelling).toBe(spelling);
      }),
      { numRuns: 1_000 },
    );
  });

  it('under any spelling a document is refused or comes back as V2 has it', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(0xffff), (value, spelling) => {
        const down = lens().down(value, spelling);
        fc.pre(down.ok);
        const onTarget = carried(lens().up(value));
        expect(shown(carried(lens().up(down.value)).value)).toEqual(shown(onTarget.value));
      }),
      { numRuns: 1_000 },
    );
  });

  it('values and unknown members stay, in their order: only names differ', () => {
    const neutral = (value: Value) =>
      JSON.stringify(shown(value)).replace(new RegExp(`\\b(${ALL_NAMES.join('|')})\\b`, 'g'), 'name');
    fc.assert(
      fc.property(sourceValue, (value) => {
        expect(neutral(carried(lens().up(value)).value)).toBe(neutral(value));
      }),
    );
  });

  it('what holds none of the names is returned itself', () => {
    fc.assert(
      fc.property(valueWith(UNKNOWN_NAMES), (value) => {
        expect(carried(lens().up(value)).value).toBe(value);
        expect(carried(lens().down(value, 0xffff)).value).toBe(value);
      }),
    );
  });

  it('refuses each name written with any of its characters escaped, except inside the job list', () => {
    for (const name of ALL_NAMES) {
      for (const [at, char] of [...name].entries()) {
        const hex = char.charCodeAt(0).toString(16).padStart(4, '0');
        const escaped = `"${name.slice(0, at)}\\u${at % 2 ? hex.toUpperCase() : hex}${name.slice(at + 1)}":1`;
        const refused: Value = { kind: 'string', bytes: Buffer.from(`{"a":[{${escaped}}]}`) };
        expect(lens().up(refused).ok).toBe(false);
        expect(lens().down(refused, 0).ok).toBe(false);
        expect(lens().up({ kind: 'string', bytes: Buffer.from(`{"jobs":[{${escaped}}]}`) }).ok).toBe(true);
      }
    }
  });

  it('never throws on bytes of any kind, and changes nothing that is not JSON', () => {
    const damaged = fc
      .tuple(arbitraryJson(ALL_NAMES), fc.nat(), fc.nat(255))
      .map(([text, position, byte]) => {
        const bytes = Buffer.from(text);
        bytes[position % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array()), fc.nat(0xffff), (bytes, spelling) => {
        const value: Value = { kind: 'string', bytes };
        const results = [lens().up(value), lens().down(value, spelling)];
        if (!isJson(bytes)) expect(results.every((result) => result.ok && result.value === value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}
