import { APPROVALS, MOST_TEXT_CHARS, WAIVABLE_GATES } from '../plan/plan.ts';
import { ACCEPTANCES } from '../protocol/loss-suspicion.ts';
import { MOST_BATCH_MS, type Throttle } from '../plan/throttle.ts';

/** `waivable`: the field `gate` of a waiver. Other messages name a decision by that field. */
type Field = keyof typeof PROBLEMS | 'bounds' | 'waivable';

/** Returns what is wrong with the input of an update, for the person who typed it; `null` when nothing is wrong. */
export function inputProblem(input: unknown, fields: readonly Field[]): string | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return `expected an object with ${fields.join(', ')}`;
  const given = input as Given;
  for (const field of fields) {
    const problem = fieldProblem(field, given);
    if (problem) return problem;
  }
  return null;
}

function fieldProblem(field: Field, given: Given): string | null {
  if (field === 'bounds') return boundsProblem(given);
  const name = field === 'waivable' ? 'gate' : field;
  const problem = field === 'waivable' ? notOneOf(WAIVABLE_GATES, given.gate) : PROBLEMS[field](given[field]);
  return problem && `${name}: expected ${problem}`;
}

function notOneOf(names: readonly string[], value: unknown): string | null {
  return names.some((name) => name === value) ? null : `one of ${names.join(', ')}`;
}

/**
 * The values that `resume` can accept: `absence` accepts what a suspect side shows, `restore` what its other side
 * shows, and `record` the authority that the stores record.
 */
export const RESUME_WORDS = [...ACCEPTANCES, 'record'] as const;
export type ResumeWord = (typeof RESUME_WORDS)[number];

const MAX_DAYS = 365;

const words = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= MOST_TEXT_CHARS
    ? null
    : `a text of 1 to ${MOST_TEXT_CHARS} characters`;

const PROBLEMS = {
  by: words,
  reason: words,
  gate: (value: unknown) => notOneOf(APPROVALS, value),
  accept: (value: unknown) =>
    value === undefined || RESUME_WORDS.some((word) => word === value) ? null : RESUME_WORDS.join(' or '),
  link: (value: unknown) => (value === undefined ? null : words(value)),
  side: (value: unknown) =>
    value === undefined || value === 'source' || value === 'target' ? null : 'source or target',
  days: (value: unknown) =>
    typeof value === 'number' && value > 0 && value <= MAX_DAYS
      ? null
      : `a number above 0, at most ${MAX_DAYS}`,
  copyKeysPerSecond: (value: unknown) => boundProblem('copyKeysPerSecond', value),
  copyBytesPerSecond: (value: unknown) => boundProblem('copyBytesPerSecond', value),
  verifyKeysPerSecond: (value: unknown) => boundProblem('verifyKeysPerSecond', value),
  verifyBytesPerSecond: (value: unknown) => boundProblem('verifyBytesPerSecond', value),
  batchMs: (value: unknown) => boundProblem('batchMs', value),
};

/** Reads the input of an abort, which is never refused for its form. Fields that cannot be read get a default text. */
export function readAbort(input: unknown): { readonly by: string; readonly reason: string } {
  if (typeof input === 'string' && input.trim() !== '') return { by: 'operator', reason: short(input) };
  const given =
    typeof input === 'object' && input !== null ? (input as Readonly<Record<string, unknown>>) : {};
  const read = (field: string, otherwise: string) => {
    const value = given[field];
    return typeof value === 'string' && value.trim() !== '' ? short(value) : otherwise;
  };
  return { by: read('by', 'operator'), reason: read('reason', 'no reason given') };
}

function short(text: string): string {
  return text.slice(0, MOST_TEXT_CHARS);
}

export const BOUNDS = [
  'copyKeysPerSecond',
  'copyBytesPerSecond',
  'verifyKeysPerSecond',
  'verifyBytesPerSecond',
  'batchMs',
] as const satisfies readonly (keyof Throttle)[];

type Given = Readonly<Record<string, unknown>>;

/**
 * Returns what is wrong with the limits that an operator asks for, by the rules of the plan; `null` when nothing is
 * wrong.
 */
function boundsProblem(given: Given): string | null {
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

/** Returns only the limits of an input that was checked before. */
export function readBounds(input: unknown): Partial<Throttle> {
  const given = input as Given;
  return Object.fromEntries(
    BOUNDS.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  );
}
