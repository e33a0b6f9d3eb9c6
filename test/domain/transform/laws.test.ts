import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDocument, membersOf } from '../../../domain/transform/json-members.ts';
import type { Value } from '../../../domain/transform/lens.ts';
import { plainSpelling, recall } from '../../../domain/transform/remembered.ts';
import { type Bits, formOf } from '../../../domain/transform/spelling.ts';
import { arbitraryJson, UNKNOWN_NAMES } from './arbitrary-json.ts';
import { carried, lens, shown } from './lens-values.ts';

const SYNONYMS = [
  ['offers', 'offres', 'job_data', 'jobs'],
  ['offer_id', 'job_id'],
  ['offer_ids', 'job_ids'],
  ['total_offers', 'total_offres', 'total_jobs'],
] as const;
/** Numbers that Python's `json.dumps` writes, although JSON does not know them. */
const PYTHON_FLOATS = ['NaN', 'Infinity', '-Infinity'];
const ALL_NAMES = SYNONYMS.flat();
const CANONICAL = ['jobs', 'job_id', 'job_ids', 'total_jobs'];

/** One name for each concept: such a document is never refused. */
const consistentNames = fc.tuple(...SYNONYMS.map((names) => fc.constantFrom(...names)));

function valueWith(names: readonly string[]): fc.Arbitrary<Value> {
  const document = arbitraryJson([...names, ...names, ...UNKNOWN_NAMES], PYTHON_FLOATS).map((text) =>
    Buffer.from(text),
  );
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

/** Each member picks one of the names of its concept: `~0` to `~3` stand for the four concepts. */
const mixedValue: fc.Arbitrary<Value> = fc
  .tuple(valueWith(['~0', '~1', '~2', '~3']), fc.infiniteStream(fc.nat(3)))
  .map(([value, picks]) => spelledAnew(value, picks))
  .filter((value) =>
    (value.kind === 'string' ? [value.bytes] : value.fields.map(([, text]) => text)).every(saysOnce),
  );

/** Whether no object of the document has two members of one concept. */
function saysOnce(bytes: Uint8Array): boolean {
  const members = membersOf(bytes, { recognise: formOf, isSealed: () => false }) ?? [];
  return new Set(members.map(({ object, name }) => `${object} ${name.concept}`)).size === members.length;
}

function spelledAnew(value: Value, picks: Iterator<number>): Value {
  const pick = (concept: string): string => {
    const names = SYNONYMS[Number(concept) as 0];
    return names[(picks.next().value as number) % names.length] as string;
  };
  const spell = (bytes: Uint8Array) =>
    Buffer.from(
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/(?<=")~([0-3])(?=")/g, (_, concept: string) => pick(concept)),
      'latin1',
    );
  if (value.kind === 'string') return { kind: 'string', bytes: spell(value.bytes) };
  const named = (name: Uint8Array) => {
    const text = Buffer.from(name).toString();
    return text.startsWith('~') ? Buffer.from(pick(text.slice(1))) : name;
  };
  return { kind: 'hash', fields: value.fields.map(([name, text]) => [named(name), spell(text)] as const) };
}

const sourceValue = consistentNames.chain(valueWith);
const targetValue = valueWith(CANONICAL);
const anyValue = valueWith(ALL_NAMES);

/** A spelling with one form or none for each concept. */
const singleSpelling: fc.Arbitrary<Bits> = fc.tuple(fc.nat(4), fc.nat(2), fc.nat(2), fc.nat(3)).map((picks) =>
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

  it('down(up(x)) = x to the byte for any mixture of spellings, unless one object says a thing by two names', () => {
    fc.assert(
      fc.property(mixedValue, (value) => {
        const up = carried(lens().up(value));
        const down = carried(lens().down(up.value, up.spelling));
        expect(shown(down.value)).toEqual(shown(value));
        expect(down.spelling).toBe(up.spelling);
      }),
      { numRuns: 3_000 },
    );
  });

  it('under the spelling of any mixed value another one is refused, or comes back as V2 has it', () => {
    fc.assert(
      fc.property(mixedValue, mixedValue, (one, other) => {
        const { spelling } = carried(lens().up(one));
        const onTarget = carried(lens().up(other)).value;
        const down = lens().down(onTarget, spelling);
        fc.pre(down.ok);
        expect(shown(carried(lens().up(down.value)).value)).toEqual(shown(onTarget));
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
        const down = carried(lens().down(value, plainSpelling(spelling)));
        const up = carried(lens().up(down.value));
        expect(shown(up.value)).toEqual(shown(value));
        const { main } = recall(down.spelling);
        expect(main & recall(up.spelling).main).toBe(recall(up.spelling).main);
        expect(main & spelling).toBe(spelling);
      }),
      { numRuns: 1_000 },
    );
  });

  it('under any spelling a document is refused or comes back as V2 has it', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(0xffff), (value, spelling) => {
        const down = lens().down(value, plainSpelling(spelling));
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

  it('a document that was cut behind a name never travels as it stands', () => {
    const cut = fc.tuple(arbitraryJson(['offer_id']), fc.nat()).map(([text, at]) => {
      const whole = Buffer.from(text);
      return whole.subarray(0, at % whole.length);
    });
    fc.assert(
      fc.property(cut, (bytes) => {
        const says = /"offer_id"\s*:/.test(bytes.toString()) && /^\s*[[{]/.test(bytes.toString());
        const value: Value = { kind: 'string', bytes };
        const up = lens().up(value);
        expect(says && up.ok && up.value === value).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('what holds none of the names is returned itself', () => {
    fc.assert(
      fc.property(valueWith(UNKNOWN_NAMES), (value) => {
        expect(carried(lens().up(value)).value).toBe(value);
        expect(carried(lens().down(value, plainSpelling(0xffff))).value).toBe(value);
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
        expect(lens().down(refused, '').ok).toBe(false);
        expect(lens().up({ kind: 'string', bytes: Buffer.from(`{"jobs":[{${escaped}}]}`) }).ok).toBe(true);
      }
    }
  });

  it('never throws on bytes of any kind; what is not JSON it leaves as it is, or refuses where it says a name', () => {
    const damaged = fc
      .tuple(arbitraryJson(ALL_NAMES), fc.nat(), fc.nat(255))
      .map(([text, position, byte]) => {
        const bytes = Buffer.from(text);
        bytes[position % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        fc.nat(0xffff),
        (bytes, spelling) => {
          const value: Value = { kind: 'string', bytes };
          const results = [lens().up(value), lens().down(value, plainSpelling(spelling))];
          if (isDocument(bytes)) return;
          const names = ALL_NAMES.some((name) => bytes.includes(name)) || bytes.includes('\\u00');
          for (const result of results) expect(result.ok ? result.value === value : names).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
