import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toByteString } from '../../../domain/keys/key-template.ts';
import { escapeGlob, globMatcher, literalPrefix, STAR, tokensOf } from '../../../domain/keys/glob.ts';
import { commonKey, comparedGlob, mayShareKey } from '../../../domain/keys/glob-overlap.ts';

const byteString = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 8 });
const pattern = fc.string({ unit: fc.constantFrom(...'**?[]^-\\ab'), maxLength: 8 });
const shortKey = fc.string({ unit: fc.constantFrom(...'ab[]-^*'), maxLength: 5 });

describe('globMatcher', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['**', '', false], // Redis: only `*` alone skips the comparison, which never matches an empty key
    ['*', 'anything', true],
    ['session:*', 'session:', true],
    ['session:*', 'session:42', true],
    ['session:*', 'xsession:42', false],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hbllo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h[a-c]llo', 'hdllo', false],
    ['*:*:*', 'a:b:c', true],
    ['*:*:*', 'a:b', false],
    ['a*b*a', 'aabaaba', true],
    ['a**', 'a', true],
    ['a*?', 'a', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['\\a', 'a', true],
    ['a\\', 'a\\', true],
    ['[\\]]', ']', true],
    ['[\\^a]', '^', true],
    ['[]', 'a', false],
    ['[]a]', 'a]', false],
    ['[^]', 'a', true],
    ['[ab', 'b', true],
    ['[a-', '-', true],
    ['[^', 'x', true],
    ['[', '[', false],
    ['[a-]', ']', true], // the range from `]` to `a`, never closed
    ['[a-]', '`', true],
    ['[\\a-c]', 'b', false], // an escape begins no range
    ['[\\a-c]', '-', true],
    ['[a-\xff]', 'b', false], // chars are signed
    ['[a-\xff]', 'A', true],
    ['\xc3\xa9*', '\xc3\xa9t\xc3\xa9', true],
    ['?', '\xc3\xa9', false],
  ])('%j on %j: %s', (glob, key, matches) => {
    expect(globMatcher(glob)(key)).toBe(matches);
  });

  it('matches an escaped key and nothing else', () => {
    fc.assert(
      fc.property(byteString, byteString, (key, other) => {
        const matches = globMatcher(escapeGlob(key));
        expect(matches(key)).toBe(true);
        expect(matches(other)).toBe(other === key);
      }),
    );
  });

  it('means the same when a pattern is written again from its tokens', () => {
    fc.assert(
      fc.property(pattern, shortKey, (glob, key) => {
        fc.pre(key !== '');
        const again = tokensOf(glob).map((token) => (token === STAR ? STAR : token.text));
        expect(globMatcher(again.join(''))(key)).toBe(globMatcher(glob)(key));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no more than pattern times key steps, however many stars', () => {
    const matches = globMatcher(`${'a*'.repeat(200)}b`);
    expect(matches('a'.repeat(20_000))).toBe(false);
  });
});

describe('literalPrefix', () => {
  it.each([
    ['match:*', 'match:'],
    ['match\\*:*', 'match*:'],
    ['exact', 'exact'],
    ['a[b]c', 'a'],
    ['a?', 'a'],
    ['*', ''],
    ['a\\', 'a\\'],
    ['', ''],
  ])('of %j is %j', (glob, prefix) => {
    expect(literalPrefix(glob)).toBe(prefix);
  });

  it('is what every match begins with', () => {
    fc.assert(
      fc.property(pattern, shortKey, (glob, key) => {
        fc.pre(globMatcher(glob)(key));
        expect(key.startsWith(literalPrefix(glob))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('commonKey', () => {
  it('finds a key exactly where one exists', () => {
    const keys = allKeys('ab-', 4);
    const short = fc.string({ unit: fc.constantFrom(...'*?ab'), maxLength: 4 });
    fc.assert(
      fc.property(short, short, fc.array(short, { maxLength: 2 }), (one, other, excludes) => {
        const found = commonKey([one, other], excludes);
        const shared = (key: string) =>
          [one, other].every((glob) => globMatcher(glob)(key)) &&
          !excludes.some((glob) => globMatcher(glob)(key));
        if (found.kind === 'key') expect(shared(found.key)).toBe(true);
        else expect(keys.filter(shared)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('says that it does not know rather than search for ever', () => {
    const hard = ['*a????????????????', '*b????????????????'];
    expect(commonKey(['*c*d'], hard).kind).toBe('key');
    expect(commonKey([`*a${'?'.repeat(16)}`, `*b${'?'.repeat(16)}`], []).kind).toBe('unknown');
  });
});

describe('mayShareKey', () => {
  it('tells two patterns that share a key from two that share none', () => {
    const some = fc.string({ unit: fc.constantFrom(...'*?ab[^]-'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(some, some, (one, other) => {
        const shares = mayShareKey(comparedGlob(one), comparedGlob(other));
        expect(shares).toBe(commonKey([one, other], []).kind === 'key');
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('toByteString', () => {
  it('is the UTF-8 form of any text, one char a byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        for (const text of [one, other, `${one}\ud800${other}`]) {
          expect(toByteString(text)).toBe(Buffer.from(text).toString('latin1'));
        }
      }),
    );
  });
});

function allKeys(alphabet: string, maxLength: number): readonly string[] {
  let latest = [''];
  const all: string[] = [];
  for (let length = 1; length <= maxLength; length++) {
    latest = latest.flatMap((key) => [...alphabet].map((char) => key + char));
    all.push(...latest);
  }
  return all;
}
