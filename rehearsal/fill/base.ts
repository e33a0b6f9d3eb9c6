import { createHash } from 'node:crypto';
import type { AppSpelling } from '../form.ts';

/** Every key, value and expiry of the rehearsal follows from these two numbers. */
export type Base = {
  readonly seed: number;
  /** The instant at which the fill began, ms since the epoch. All expiries count from here. */
  readonly now: number;
};

const SPELLINGS: readonly AppSpelling[] = [
  'legacy',
  'legacy',
  'french',
  'legacy',
  'legacy',
  'job_data',
  'legacy',
  'legacy',
  'native',
  'legacy',
];

/** The services spell names in different ways, so the data does too. */
export function appSpellingOf(index: number): AppSpelling {
  return SPELLINGS[index % SPELLINGS.length] ?? 'legacy';
}

export function md5(base: Base, family: string, index: number): string {
  return createHash('md5').update(`${base.seed}/${family}/${index}`).digest('hex');
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
