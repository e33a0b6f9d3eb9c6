import { boundProblem, boundsProblem } from './bounds-input.ts';
import { APPROVALS } from './phase.ts';
import { ACCEPTANCES } from './suspicion.ts';

type Field = keyof typeof PROBLEMS | 'bounds';

/** What is wrong with the input of an update, told to whoever typed it; `null` = nothing. */
export function inputProblem(input: unknown, fields: readonly Field[]): string | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return `expected an object with ${fields.join(', ')}`;
  const given = input as Readonly<Record<string, unknown>>;
  for (const field of fields) {
    const problem = field === 'bounds' ? boundsProblem(given) : fieldProblem(field, given[field]);
    if (problem) return problem;
  }
  return null;
}

function fieldProblem(field: keyof typeof PROBLEMS, value: unknown): string | null {
  const problem = PROBLEMS[field](value);
  return problem && `${field}: expected ${problem}`;
}

const MAX_WORDS = 500;
const MAX_DAYS = 365;

const words = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= MAX_WORDS
    ? null
    : `a text of 1 to ${MAX_WORDS} characters`;

const PROBLEMS = {
  by: words,
  reason: words,
  gate: (value: unknown) =>
    APPROVALS.some((gate) => gate === value) ? null : `one of ${APPROVALS.join(', ')}`,
  accept: (value: unknown) =>
    value === undefined || ACCEPTANCES.some((word) => word === value) ? null : ACCEPTANCES.join(' or '),
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

/** An abort is never refused for its form: what can be read is taken, the rest is said so. */
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
  return text.slice(0, MAX_WORDS);
}
