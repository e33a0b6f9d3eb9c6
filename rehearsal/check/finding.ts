import type { Home } from '../entry.ts';

/** Something that must not be. `where` and `key` name no key in clear (L12). */
export type Finding = {
  readonly where: string;
  readonly key: string;
  readonly what: string;
  /** Acknowledged writes that are in no place because of it. */
  readonly writes: number;
};

/** One line of the table. */
export type Row = { readonly what: string; readonly looked: number; readonly wrong: number };

export type Section = { readonly row: Row; readonly findings: readonly Finding[] };

export function sectionOf(what: string, looked: number, findings: readonly Finding[]): Section {
  return { row: { what, looked, wrong: findings.length }, findings };
}

export const STORE_NAMES: Readonly<Record<Home, string>> = { v1: 'V1', nexten: 'Nexten', v2: 'V2' };
