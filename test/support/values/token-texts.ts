import type { FencingToken } from '../../../domain/authority/fencing-token.ts';

const NONE: FencingToken = { number: 0, attempt: 0 };

/** Texts that may stand in a lease key, and the token that JavaScript and Lua must both read in them. */
export const TOKEN_TEXTS: readonly (readonly [string, FencingToken])[] = [
  ['1-1', { number: 1, attempt: 1 }],
  ['10-12', { number: 10, attempt: 12 }],
  ['007-08', { number: 7, attempt: 8 }],
  ['1790000000000', { number: 1_790_000_000_000, attempt: 0 }],
  ['999999999999999', { number: 999_999_999_999_999, attempt: 0 }],
  ['999999999999999-7', { number: 999_999_999_999_999, attempt: 7 }],
  ...[
    '',
    'nan',
    '1e9',
    '1e300',
    '-5',
    '-',
    '1-',
    '123-',
    '5-6-7',
    ' 5',
    '5\n',
    '5-6\n',
    '1_0',
    '٣',
    '5\0',
  ].map((text) => [text, NONE] as const),
  ['9'.repeat(16), NONE],
  [`1-${'9'.repeat(16)}`, NONE],
];
