import type { CheckResult } from './check.ts';
import type { Section } from './finding.ts';

const MOST_FINDINGS = 20;

/** What the check found, for people: a line each, then the sentence that counts. */
export function checkTable({ sections, acknowledged, accounted, lost }: CheckResult): string[] {
  const findings = sections.flatMap((section) => section.findings);
  const width = Math.max(...sections.map(({ row }) => row.what.length));
  return [
    ...sections.map((section) => rowText(section, width)),
    ...findings.slice(0, MOST_FINDINGS).map(({ where, key, what }) => `    ${where}: ${key}: ${what}`),
    ...(findings.length > MOST_FINDINGS ? [`    and ${findings.length - MOST_FINDINGS} more`] : []),
    `  every acknowledged write accounted for: ${grouped(accounted)} of ${grouped(acknowledged)} · lost ${lost}`,
  ];
}

export function isSound(result: CheckResult): boolean {
  const nothingWrong = result.sections.every(({ findings }) => findings.length === 0);
  // 0 of 0 proves nothing (L7).
  return (
    nothingWrong && result.lost === 0 && result.acknowledged > 0 && result.accounted === result.acknowledged
  );
}

function rowText({ row }: Section, width: number): string {
  const verdict = row.wrong === 0 ? '✓' : '✗';
  return `  ${verdict} ${row.what.padEnd(width)}  ${grouped(row.looked).padStart(7)}${row.wrong === 0 ? '' : `  ${row.wrong} wrong`}`;
}

export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}
