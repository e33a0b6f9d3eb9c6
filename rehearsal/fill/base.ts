import { createHash } from 'node:crypto';
import type { Spelling } from '../form.ts';

/** From these two every key, value and expiry of the rehearsal follows. */
export type Base = {
  readonly seed: number;
  /** When the fill began, ms: expiries count from here. */
  readonly now: number;
};

const SPELLINGS: readonly Spelling[] = [
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

/** The services disagree about names, so the data does too. */
export function spellingOf(index: number): Spelling {
  return SPELLINGS[index % SPELLINGS.length] ?? 'legacy';
}

export function md5(base: Base, family: string, index: number): string {
  return createHash('md5').update(`${base.seed}/${family}/${index}`).digest('hex');
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
