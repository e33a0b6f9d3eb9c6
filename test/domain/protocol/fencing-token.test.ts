import { describe, expect, test } from 'vitest';
import { type FencingToken, isAfter, readToken, tokenText } from '../../../domain/authority/fencing-token.ts';
import { TOKEN_TEXTS } from '../../support/values/token-texts.ts';

const ORDER: readonly FencingToken[] = [
  { number: 0, attempt: 0 },
  { number: 1, attempt: 1 },
  { number: 1, attempt: 2 },
  { number: 1, attempt: 10 },
  { number: 2, attempt: 1 },
  { number: 1_790_000_000_000, attempt: 0 },
  { number: 1_790_000_000_001, attempt: 1 },
];

describe('tokens of those who touch fences', () => {
  test('are ordered by number, then by attempt (L1)', () => {
    for (const [i, one] of ORDER.entries())
      for (const [j, other] of ORDER.entries()) expect(isAfter(one, other)).toBe(i > j);
  });

  test('are read as they were written', () => {
    for (const one of ORDER) expect(readToken(tokenText(one))).toEqual(one);
  });

  test('a number alone comes before every attempt under it; what is no token before all', () => {
    expect(readToken('1790000000000')).toEqual({ number: 1_790_000_000_000, attempt: 0 });
    expect(readToken(null)).toEqual({ number: 0, attempt: 0 });
    for (const [text, token] of TOKEN_TEXTS) expect(readToken(text), JSON.stringify(text)).toEqual(token);
  });
});
