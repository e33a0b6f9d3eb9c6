/** Parts as `TypedState` wants them, of the elements as the server gave them. */
export function canonical(type: string, flat: readonly Buffer[]): readonly Buffer[] {
  if (type === 'hash') return sortedTuples(flat, 2);
  if (type === 'set') return sortedTuples(flat, 1);
  if (type === 'zset') return normalisedScores(flat);
  return flat;
}

/** Fields, members and groups come in no order: sorted by their bytes they compare. Values stay with their field. */
function sortedTuples(flat: readonly Buffer[], width: number): Buffer[] {
  const tuples: Buffer[][] = [];
  for (let i = 0; i < flat.length; i += width) tuples.push(flat.slice(i, i + width));
  return tuples.sort((one, other) => Buffer.compare(one[0]!, other[0]!)).flat();
}

/** Servers print one double in several ways (`0.1`, `0.10000000000000001`, `-0`): the number counts. */
function normalisedScores(flat: readonly Buffer[]): Buffer[] {
  return flat.map((part, i) => (i % 2 === 0 ? part : Buffer.from(score(part.toString('latin1')))));
}

function score(text: string): string {
  if (/^[+-]?inf/i.test(text)) return text.startsWith('-') ? '-inf' : 'inf';
  return String(Number(text));
}
