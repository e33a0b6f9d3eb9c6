import fc from 'fast-check';
import { visit } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { membersOf } from '../../../domain/transform/json-members.ts';
import { arbitraryJson, UNKNOWN_NAMES } from './arbitrary-json.ts';

const EVERY_NAME = {
  recognise: (bytes: Uint8Array, start: number, end: number) =>
    Buffer.from(bytes.subarray(start, end)).toString(),
  isSealed: () => false,
};

const bytes = (text: string) => Buffer.from(text);

/** Every member as the scanner of jsonc-parser sees it, with byte offsets. */
function membersByOracle(text: string) {
  const found: { name: string; object: number; nameStart: number }[] = [];
  const open: number[] = [];
  const byteAt = (offset: number) => Buffer.byteLength(text.slice(0, offset));
  visit(
    text,
    {
      onObjectBegin: (offset) => void open.push(byteAt(offset)),
      onObjectEnd: () => void open.pop(),
      onObjectProperty: (_name, offset, length) => {
        const nameStart = byteAt(offset) + 1;
        found.push({
          name: text.slice(offset + 1, offset + length - 1),
          object: open.at(-1) ?? -1,
          nameStart,
        });
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  return found;
}

function isJsonDocument(candidate: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(withoutSurrogates(candidate));
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null;
  } catch {
    return false;
  }
}

/**
 * Replaces surrogates that are encoded alone. A decoder refuses them; our scanner takes them as three bytes of text.
 */
function withoutSurrogates(candidate: Uint8Array): Buffer {
  const bytes = Buffer.from(candidate).toString('latin1');
  return Buffer.from(bytes.replace(/\xed[\xa0-\xbf][\x80-\xbf]/g, '\xe2\x82\xac'), 'latin1');
}

describe('the member scanner', () => {
  it('finds the members that the scanner of jsonc-parser finds, in the same places', () => {
    fc.assert(
      fc.property(arbitraryJson([...UNKNOWN_NAMES, 'offers', 'jobs']), (text) => {
        const found = membersOf(bytes(text), EVERY_NAME);
        expect(found?.map(({ name, object, nameStart }) => ({ name, object, nameStart }))).toEqual(
          membersByOracle(text),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('cuts out names, separators and values so that they parse to what JSON.parse gives', () => {
    fc.assert(
      fc.property(arbitraryJson(UNKNOWN_NAMES), (text) => {
        const document = bytes(text);
        for (const member of membersOf(document, EVERY_NAME) ?? []) {
          const value = document.toString('utf8', member.valueStart, member.valueEnd);
          expect(value).toBe(value.trim());
          expect(() => JSON.parse(value)).not.toThrow();
          expect(['{', ',']).toContain(String.fromCharCode(document[member.separator] ?? 0));
          expect(member.flat).toBe((membersOf(bytes(`[${value}]`), EVERY_NAME) ?? []).length === 0);
        }
      }),
    );
  });

  it('accepts exactly the arrays and objects that JSON.parse accepts in UTF-8, and what Python adds', () => {
    const damaged = fc
      .tuple(arbitraryJson(UNKNOWN_NAMES), fc.nat(), fc.option(fc.nat(255)), fc.boolean())
      .map(([text, position, byte, cut]) => {
        const document = bytes(text);
        const at = position % document.length;
        if (byte !== null) document[at] = byte;
        return cut ? document.subarray(0, at) : document;
      });
    fc.assert(
      fc.property(damaged, (document) => {
        expect(membersOf(document, EVERY_NAME) !== null).toBe(isJsonDocument(document));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['[1,]', false],
    ['{"a":1,}', false],
    ['{"a":1]', false],
    ['[1}', false],
    ['{"a" 1}', false],
    ['{"a":}', false],
    ['{1:1}', false],
    ['[01]', false],
    ['[1.]', false],
    ['[.5]', false],
    ['[-]', false],
    ['[1e]', false],
    ['[NaN]', true],
    ['{"a":-Infinity,"b":Infinity}', true],
    ['[nan]', false],
    ['[-NaN]', false],
    ['[+Infinity]', false],
    ['[Infinit]', false],
    ['[tru]', false],
    ['["\\x"]', false],
    ['["\\u12g4"]', false],
    ['["\t"]', false],
    ['["a]', false],
    ['[] []', false],
    ['[]]', false],
    ['"offers"', false],
    ['', false],
    ['   ', false],
    ['[', false],
    [' [ ] ', true],
    ['{}', true],
    ['[-0.0e-0]', true],
    ['["\\u00e9\\ud800"]', true],
  ])('judges %j as a document: %s', (text, accepted) => {
    expect(membersOf(bytes(text), EVERY_NAME) !== null).toBe(accepted);
  });

  it.each([
    ['a lone continuation byte', '5b2280225d'],
    ['an overlong slash', '5b22c0af225d'],
    ['an overlong three-byte form', '5b22e08080225d'],
    ['a code point above U+10FFFF', '5b22f4908080225d'],
    ['a cut sequence', '5b22e282225d'],
    ['a byte order mark in the middle', '5befbbbf5d'],
    ['half a byte order mark', 'efbb5b5d'],
  ])('refuses %s', (_what, hex) => {
    expect(membersOf(Buffer.from(hex, 'hex'), EVERY_NAME)).toBeNull();
  });

  it.each([
    ['a byte order mark in front', 'efbbbf5b5d'],
    ['a lone surrogate in bytes of its own', '5b22eda080225d'],
  ])('accepts %s', (_what, hex) => {
    expect(membersOf(Buffer.from(hex, 'hex'), EVERY_NAME)).toEqual([]);
  });

  it('reads a hundred thousand nested arrays and objects without recursion', () => {
    const depth = 100_000;
    expect(membersOf(bytes('['.repeat(depth) + ']'.repeat(depth)), EVERY_NAME)).toEqual([]);
    expect(membersOf(bytes('{"a":'.repeat(depth) + '1' + '}'.repeat(depth)), EVERY_NAME)).toHaveLength(depth);
    expect(membersOf(bytes('['.repeat(depth)), EVERY_NAME)).toBeNull();
  });

  it('does not look into a sealed value, and looks on behind it', () => {
    const document = bytes('[{"s":{"a":[{"s":1,"a":2}]},"a":3},{"a":{"s":[]}}]');
    const names = { ...EVERY_NAME, isSealed: (name: string) => name === 's' };
    expect(membersOf(document, names)?.map(({ name }) => name)).toEqual(['s', 'a', 'a', 's']);
  });
});
