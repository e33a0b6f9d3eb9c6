/** One thing that is wrong with a plan. No part of it shows a password. */
export type PlanProblem = {
  readonly path: PlanPath;
  readonly expected: string;
  readonly found: string;
  /** The key itself is wrong, not its value. */
  readonly atKey?: true;
};

/** Path of a field in the plan file, such as `['datasets', 2, 'role']`. */
export type PlanPath = readonly (string | number)[];

/** Formats a path: `datasets[2].role`. The whole file is `plan`. */
export function showPath(path: PlanPath): string {
  const shown = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return shown === '' ? 'plan' : shown.replace(/^\./, '');
}

/** Formats a value for an error: it is short, and the possible user and password of a URL are masked. */
export function showFound(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const masked = String(value).replace(/\/\/.*@/, '//***@');
  const short = masked.length > 60 ? `${masked.slice(0, 60)}…` : masked;
  return typeof value === 'string' ? `"${short}"` : short;
}
