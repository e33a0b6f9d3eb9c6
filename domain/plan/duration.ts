const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A longer duration is surely a mistake. A much longer one ends beyond the last instant that can be written. */
export const LONGEST_MS = 365 * UNITS.d;
export const LONGEST_DAY_MS = 7 * UNITS.d;

/** Error messages put this text after `expected …`. */
export const DURATION = 'a duration such as 24h, 5m, 90s or 500ms, at most 365d';
export const DURATION_ABOVE_ZERO = 'a duration above zero such as 24h, 5m, 90s or 500ms, at most 365d';
export const DAY_LENGTH = 'a duration above zero such as 24h or 3s, at most 7d';

/**
 * Parses `500ms`, `90s`, `5m`, `24h` or `7d` to ms. Returns `undefined` for any other text and for more than 365 days.
 */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const ms = Math.round(Number(amount) * UNITS[unit as keyof typeof UNITS]);
  return ms <= LONGEST_MS ? ms : undefined;
}

/**
 * Parses the length of a plan day to ms. Every other wait is multiplied by it, so zero would stop the clock. Returns
 * `undefined` for zero, for more than 7 days and for every text that `parseDuration` refuses.
 */
export function parseDayLength(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms !== undefined && ms > 0 && ms <= LONGEST_DAY_MS ? ms : undefined;
}

/** Formats ms for a person: `8 ms`, `1.4 s`, `5 min`, `3.2 h`, `7 d`. */
export function showDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${round(ms / 1_000)} s`;
  if (ms < 2 * UNITS.h) return `${round(ms / UNITS.m)} min`;
  if (ms < 2 * UNITS.d) return `${round(ms / UNITS.h)} h`;
  return `${round(ms / UNITS.d)} d`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
