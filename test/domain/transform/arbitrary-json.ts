import fc from 'fast-check';

const space = fc.constantFrom('', '', '', ' ', '\n  ', '\t', '\r\n', ' \n');

const NUMBERS = [
  '94.5',
  '1.0',
  '0',
  '-0',
  '-12.50e+3',
  '1E5',
  '12345678901234567890123',
  'true',
  'false',
  'null',
];

const text = fc.oneof(
  fc.constantFrom(
    '""',
    '"é 🎯"',
    '"a\\"b\\\\"',
    '"\\u00e9"',
    '"\\ud83d"',
    '"offers"',
    '"{\\"offers\\":1}"',
    '"\\/\\b\\f"',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text)),
);

export const UNKNOWN_NAMES = [
  'id',
  'offer',
  'Offers',
  'offers ',
  'jobs_x',
  'candidat',
  'é',
  '',
  'score',
  'a"b',
  'toString',
];

/**
 * JSON texts with white space in all places, and member names from the list; a document is an array or object.
 *
 * @param otherNumbers what else may stand for a value
 */
export function arbitraryJson(names: readonly string[], otherNumbers: readonly string[] = []) {
  const scalar = fc.oneof(fc.constantFrom(...NUMBERS, ...otherNumbers), text);
  const name = fc.constantFrom(...names).map((text) => JSON.stringify(text));
  const { document } = fc.letrec<{ value: string; document: string; array: string; object: string }>(
    (tie) => ({
      value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, scalar, tie('array'), tie('object')),
      document: fc.oneof(tie('object'), tie('array')),
      array: fc
        .tuple(fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }), space)
        .map(([items, gap]) => `[${items.length ? items.map((parts) => parts.join('')).join(',') : gap}]`),
      object: fc
        .tuple(
          fc.array(fc.tuple(space, name, space, fc.constant(':'), space, tie('value'), space), {
            maxLength: 5,
          }),
          space,
        )
        .map(
          ([members, gap]) => `{${members.length ? members.map((parts) => parts.join('')).join(',') : gap}}`,
        ),
    }),
  );
  return fc.tuple(space, document, space).map((parts) => parts.join(''));
}
