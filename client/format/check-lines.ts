import type { Check } from '../../domain/check.ts';

/** Checks as an operator reads them: each that is not green with its remedy, red ones last, then the count. */
export function checkLines(checks: readonly Check[]): readonly string[] {
  const alerts = checks.filter((check) => check.verdict === 'alert');
  const reds = redChecks(checks);
  const counts = `${checks.length} checks: ${checks.length - alerts.length - reds.length} green, ${alerts.length} alert, ${reds.length} red`;
  return [...alerts.map(checkLine), ...reds.map(checkLine), counts];
}

export function redChecks(checks: readonly Check[]): readonly Check[] {
  return checks.filter((check) => check.verdict === 'red');
}

function checkLine({ verdict, name, subject, found, expected, remedy }: Check): string {
  return `${verdict} ${name} (${subject}): expected ${expected}, found ${found}. Remedy: ${remedy}`;
}
