const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of `500ms`, `90s`, `5m`, `24h` or `7d`; anything else is `undefined`. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.round(Number(amount) * UNITS[unit as keyof typeof UNITS]);
}

/** What a person reads: `8 ms`, `1.4 s`, `5 min`, `3.2 h`, `7 d`. */
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
