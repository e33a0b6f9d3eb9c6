import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { MOST_SHARDS } from './shard.ts';
import { MOST_BATCH_MS } from './throttle.ts';

/**
 * The kinds of values a plan file knows. Each message is the text behind `expected …`; numbers and lists may also
 * be written as text, because that is what a value read from the environment is.
 */
function field<T>(expected: string, parse: (value: unknown) => T | undefined) {
  return z.unknown().transform((value, context): T => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    context.issues.push({ code: 'custom', input: value, message: expected });
    return z.NEVER;
  });
}

function matching(pattern: RegExp) {
  return (value: unknown) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
}

function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** A name that may stand in keys of ours and in workflow ids. */
export const name = field(
  'a name of 1 to 40 characters out of a-z, 0-9 and -',
  matching(/^[a-z0-9-]{1,40}$/),
);

export const text = field('a text that is not empty', matching(/\S/));

/** Text that may be empty: the thing is then not there. */
export const textOrNothing = field('a text', (value) => (typeof value === 'string' ? value : undefined));

export const duration = field('a duration such as 24h, 5m, 90s or 500ms', (value) =>
  typeof value === 'string' ? parseDuration(value) : undefined,
);

/** A length of day; zero would stop the clock. */
export const dayLength = field('a duration above zero such as 24h or 3s', (value) => {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  return ms !== undefined && ms > 0 ? ms : undefined;
});

export const days = field('a number of days such as 7d', (value) => {
  const [, amount] = typeof value === 'string' ? (/^(\d+(?:\.\d+)?)d$/.exec(value) ?? []) : [];
  return amount === undefined ? undefined : Number(amount);
});

export const dayMark = field('a day such as J-7, J or J+7', (value) => {
  const [mark, offset] = typeof value === 'string' ? (/^J([+-]\d+)?$/.exec(value) ?? []) : [];
  return mark === undefined ? undefined : Number(offset ?? 0);
});

export const instant = field('an instant with its zone such as 2026-12-01T06:00:00Z', (value) => {
  const iso = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/)(value);
  return iso === undefined || Number.isNaN(Date.parse(iso)) ? undefined : iso;
});

export const percent = field('a number of percent from 0 to 100', (value) => {
  const number = asNumber(value);
  return number !== undefined && number >= 0 && number <= 100 ? number : undefined;
});

export const batchMs = field(`a number of ms above 0, at most ${MOST_BATCH_MS}`, (value) => {
  const number = asNumber(value);
  return number !== undefined && number > 0 && number <= MOST_BATCH_MS ? number : undefined;
});

export const amount = field('a number from 0 up', (value) => {
  const number = asNumber(value);
  return number !== undefined && number >= 0 ? number : undefined;
});

export const count = field('a whole number from 0 up', wholeFrom(0));

export const countFromOne = field('a whole number from 1 up', wholeFrom(1));

export const shards = field(`a whole number from 1 to ${MOST_SHARDS}`, wholeFrom(1, MOST_SHARDS));

function wholeFrom(least: number, most = Infinity) {
  return (value: unknown) => {
    const number = asNumber(value);
    const fits = number !== undefined && Number.isInteger(number) && number >= least && number <= most;
    return fits ? number : undefined;
  };
}

export const flag = field('true or false', (value) =>
  [true, false].find((choice) => value === choice || value === String(choice)),
);

/** A list, also as `a,b`; empty text is the empty list. */
export const names = field('a list of names, or names with commas between them', (value) => {
  const parts: unknown = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined;
  const list = parts.filter((part) => part !== '');
  return list.some((part) => /\s/.test(part)) ? undefined : list;
});

const isGlob = (value: unknown): value is string => typeof value === 'string' && value !== '';

export const globs = field('a list of key patterns', (value) =>
  Array.isArray(value) && value.every(isGlob) ? value : undefined,
);

export const globsAtLeastOne = field('a list of key patterns, at least one', (value) =>
  Array.isArray(value) && value.length > 0 && value.every(isGlob) ? value : undefined,
);

export const template = field('a key template with one *, such as metrics:v1:*', matching(/^[^*]*\*[^*]*$/));

export const command = field('a command and its arguments as a list of texts', (value) =>
  Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'string')
    ? value
    : undefined,
);

export const webhook = field('an http:// or https:// URL without user or password', (value) =>
  matching(/^https?:\/\/[^/@\s]+(\/\S*)?$/)(value),
);

export function oneOf<const T extends readonly string[]>(...choices: T) {
  return field(choices.join(' or '), (value): T[number] | undefined =>
    choices.find((choice) => choice === value),
  );
}
