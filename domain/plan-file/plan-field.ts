import { z } from 'zod';
import {
  DAY_LENGTH,
  DURATION,
  DURATION_ABOVE_ZERO,
  LONGEST_DAY_MS,
  LONGEST_MS,
  parseDayLength,
  parseDuration,
} from '../plan/duration.ts';
import { hasOnlyReferences } from '../plan/environment.ts';
import { MOST_SHARDS } from '../keys/shard.ts';
import { MOST_TEXT_CHARS } from '../plan/plan.ts';
import { MOST_BATCH_MS } from '../plan/throttle.ts';

/**
 * Defines one kind of value of a plan file. `expected` is the text that an error shows after `expected …`. Numbers and
 * lists may also be written as text, because a value from the environment is always a text.
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

/** A name that may stand in our keys and in workflow ids. */
export const name = field(
  'a name of 1 to 40 characters out of a-z, 0-9 and -',
  matching(/^[a-z0-9-]{1,40}$/),
);

export const text = field('a text that is not empty', matching(/\S/));

/** A reason that progress, pages and reports show. */
export const reason = field(`a text of 1 to ${MOST_TEXT_CHARS} characters`, (value) =>
  typeof value === 'string' && /\S/.test(value) && value.length <= MOST_TEXT_CHARS ? value : undefined,
);

/** Text that may be empty. Empty means that the thing does not exist. */
export const textOrNothing = field('a text', (value) => (typeof value === 'string' ? value : undefined));

/** Empty means that there is none. TLS sends this name to the server, and no address may be sent so. */
export const hostNameOrNothing = field(
  'a host name such as redis.internal, no address',
  matching(/^$|^(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i),
);

export const duration = field(DURATION, (value) =>
  typeof value === 'string' ? parseDuration(value) : undefined,
);

/** For a limit that zero would turn into its opposite: no attempt could keep it, or everything would exceed it. */
export const durationAboveZero = field(DURATION_ABOVE_ZERO, (value) => {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  return ms === undefined || ms <= 0 ? undefined : ms;
});

export const dayLength = field(DAY_LENGTH, (value) =>
  typeof value === 'string' ? parseDayLength(value) : undefined,
);

/** Ten years. Beyond some 270 000 years of real days an instant cannot be written, and the run would stand still. */
const MOST_DAYS = 3_650;

export const days = field(`a number of days such as 7d, at most ${MOST_DAYS}d`, (value) => {
  const [, amount] = typeof value === 'string' ? (/^(\d+(?:\.\d+)?)d$/.exec(value) ?? []) : [];
  return amount === undefined ? undefined : upToMostDays(Number(amount));
});

/** A number of days without a unit, for a field whose name says that days are meant. */
export const dayCount = field(`a number of days from 0 to ${MOST_DAYS}`, (value) => {
  const number = asNumber(value);
  return number !== undefined && number >= 0 ? upToMostDays(number) : undefined;
});

export const dayMark = field(`a day such as J-7, J or J+7, at most ${MOST_DAYS} away`, (value) => {
  const [mark, offset] = typeof value === 'string' ? (/^J([+-]\d+)?$/.exec(value) ?? []) : [];
  const day = Number(offset ?? 0);
  return mark === undefined || Math.abs(day) > MOST_DAYS ? undefined : day;
});

function upToMostDays(amount: number): number | undefined {
  return amount <= MOST_DAYS ? amount : undefined;
}

const INSTANT = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * `Date.parse` takes a day that its month does not have for a day of the next month. A migration would then begin a day
 * later than its plan says.
 */
export const instant = field(
  'an instant of the calendar, with its zone, such as 2026-12-01T06:00:00Z',
  (value) => {
    const [iso, day] = typeof value === 'string' ? (INSTANT.exec(value) ?? []) : [];
    if (iso === undefined || Number.isNaN(Date.parse(iso))) return undefined;
    return new Date(`${day}T00:00:00Z`).toISOString().startsWith(`${day}T`) ? iso : undefined;
  },
);

export const percent = field('a number of percent from 0 to 100', (value) => {
  const number = asNumber(value);
  return number !== undefined && number >= 0 && number <= 100 ? number : undefined;
});

export const batchMs = field(`a number of ms above 0, at most ${MOST_BATCH_MS}`, (value) => {
  const number = asNumber(value);
  return number !== undefined && number > 0 && number <= MOST_BATCH_MS ? number : undefined;
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

/** A list, also written as `a,b`. Empty text is the empty list. */
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

const isArgument = (value: unknown): value is string => typeof value === 'string' && hasOnlyReferences(value);

export const command = field(
  'the absolute path of a program and its arguments as a list of texts',
  (value) =>
    Array.isArray(value) && value.every(isArgument) && /^\//.test(value[0] ?? '') ? value : undefined,
);

/** Names of query fields that hold a secret. */
const SECRET_FIELD =
  /[?&;](?:[a-z_-]*(?:token|secret|password|passwd|api_?key|signature)|pass|pwd|auth|key|sig)=[^&;$]/i;

const REFERENCE = /\$\{[A-Za-z_][A-Za-z0-9_]*(?::-([^}]*))?\}/g;

/**
 * Returns whether a text may stand as a webhook of a plan. A `${NAME}` in it stays a reference, because whoever sees the
 * history of the workflow sees the plan. So a password, and a query field whose name says that it is secret, may stand
 * there as a reference only. A secret in the path cannot be told from a path.
 */
function webhookFits(text: string): boolean {
  if (!hasOnlyReferences(text)) return false;
  const references = [...text.matchAll(REFERENCE)];
  const [whole] = references;
  // The worker's variable holds all of it. What it holds is not known here.
  if (whole && whole[0] === text && whole[1] === undefined) return true;
  const written = text.replace(REFERENCE, (_reference, fallback?: string) => fallback ?? 'x');
  return /^https?:\/\/[^/@\s]+(\/\S*)?$/.test(written) && !SECRET_FIELD.test(literalOf(text));
}

/** The text with its defaults, and with `$` in the place of each value that only the worker knows. */
function literalOf(text: string): string {
  return text.replace(REFERENCE, (_reference, fallback?: string) => fallback ?? '$');
}

export const webhook = field(
  'an http:// or https:// URL without user or password, and with its secrets as ${TRAFFIC_NAME}',
  (value) => (typeof value === 'string' && webhookFits(value) ? value : undefined),
);

/** An instant as `Date.parse` takes it, also one that no plan may begin with any more. */
export const moment = field('an instant', (value) =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : undefined,
);

export const words = field('a list of texts', (value) =>
  Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined,
);

/** A whole number of ms, as a plan holds it that has been read. */
export const milliseconds = field(`a whole number of ms from 0 to ${LONGEST_MS}`, wholeFrom(0, LONGEST_MS));

export const dayMilliseconds = field(
  `a whole number of ms from 1 to ${LONGEST_DAY_MS}`,
  wholeFrom(1, LONGEST_DAY_MS),
);

/** A day relative to J-Day, as a plan holds it that has been read: -7 is J-7. */
export const dayOffset = field(
  `a whole number from -${MOST_DAYS} to ${MOST_DAYS}`,
  wholeFrom(-MOST_DAYS, MOST_DAYS),
);

export function oneOf<const T extends readonly string[]>(...choices: T) {
  return field(choices.join(' or '), (value): T[number] | undefined =>
    choices.find((choice) => choice === value),
  );
}
