import type { Home } from '../entry.ts';

/** Something that must not be. `where` and `key` never hold a key in clear text. */
export type Finding = {
  readonly where: string;
  readonly key: string;
  readonly what: string;
  /** The number of acknowledged writes that are missing because of it. */
  readonly writes: number;
};

/** One line of the table. `looked`: how many things were checked. `wrong`: how many of them are wrong. */
export type FindingRow = { readonly what: string; readonly looked: number; readonly wrong: number };

export type Section = { readonly row: FindingRow; readonly findings: readonly Finding[] };

export function sectionOf(what: string, looked: number, findings: readonly Finding[]): Section {
  return { row: { what, looked, wrong: findings.length }, findings };
}

export const STORE_NAMES: Readonly<Record<Home, string>> = { v1: 'V1', nexten: 'Nexten', v2: 'V2' };
