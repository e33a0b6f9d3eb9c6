import { MOST_BATCH_MS, type Throttle } from './throttle.ts';

export const BOUNDS = [
  'copyKeysPerSecond',
  'copyBytesPerSecond',
  'verifyKeysPerSecond',
  'verifyBytesPerSecond',
  'batchMs',
] as const satisfies readonly (keyof Throttle)[];

type Given = Readonly<Record<string, unknown>>;

/** What is wrong with the bounds that somebody asks for, by the rules of the plan; `null` = nothing. */
export function boundsProblem(given: Given): string | null {
  const asked = BOUNDS.filter((name) => given[name] !== undefined);
  if (asked.length === 0) return `expected at least one of ${BOUNDS.join(', ')}`;
  for (const name of asked) {
    const problem = boundProblem(name, given[name]);
    if (problem) return `${name}: expected ${problem}`;
  }
  return null;
}

export function boundProblem(name: keyof Throttle, value: unknown): string | null {
  if (name === 'batchMs')
    return typeof value === 'number' && value > 0 && value <= MOST_BATCH_MS
      ? null
      : `a number of ms above 0, at most ${MOST_BATCH_MS}`;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? null
    : 'a whole number from 0 up (0: no limit)';
}

/** Nothing but the bounds, of an input that was checked. */
export function readBounds(input: unknown): Partial<Throttle> {
  const given = input as Given;
  return Object.fromEntries(
    BOUNDS.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  );
}
