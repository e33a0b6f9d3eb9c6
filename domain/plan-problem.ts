/** One thing that is wrong with a plan. No part of it shows a password (L12). */
export type PlanProblem = {
  readonly path: PlanPath;
  readonly expected: string;
  readonly found: string;
  /** The key itself is wrong, not what stands behind it. */
  readonly atKey?: true;
};

/** Where in the plan file: `['datasets', 2, 'role']`. */
export type PlanPath = readonly (string | number)[];

/** `datasets[2].role`; the whole file is `plan`. */
export function showPath(path: PlanPath): string {
  const shown = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return shown === '' ? 'plan' : shown.replace(/^\./, '');
}

/** A value as an error may show it: short, and what could be user and password of a URL masked. */
export function showFound(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const masked = String(value).replace(/\/\/.*@/, '//***@');
  const short = masked.length > 60 ? `${masked.slice(0, 60)}…` : masked;
  return typeof value === 'string' ? `"${short}"` : short;
}
