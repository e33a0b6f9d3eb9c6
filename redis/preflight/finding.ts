import type { Check } from '../../domain/check.ts';

/** What a check saw; the runner adds its name and what it looked at. */
export type Finding = Pick<Check, 'verdict' | 'found' | 'expected' | 'remedy'>;

export function green(found: string, expected: string): Finding {
  return { verdict: 'green', found, expected, remedy: '' };
}

/** Worth a look, does not block. */
export function alert(found: string, expected: string, remedy: string): Finding {
  return { verdict: 'alert', found, expected, remedy };
}

/** Blocks the start. */
export function red(found: string, expected: string, remedy: string): Finding {
  return { verdict: 'red', found, expected, remedy };
}

const BADNESS = { green: 0, alert: 1, red: 2 } satisfies Record<Finding['verdict'], number>;

/** What was found on the servers of a store, in their order, as one: the worst, and where it is. */
export function worstOf(findings: readonly Finding[]): Finding {
  const worst = findings.reduce((one, other) =>
    BADNESS[other.verdict] > BADNESS[one.verdict] ? other : one,
  );
  if (findings.length === 1) return worst;
  const alike = findings.every(({ found }) => found === worst.found);
  const where = alike
    ? `each of ${findings.length} nodes`
    : `node ${findings.indexOf(worst) + 1} of ${findings.length}`;
  return { ...worst, found: `${where}: ${worst.found}` };
}

/** Why a check itself failed, in words of ours: a server's error may quote keys and arguments (L12). */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const command = /NOPERM.*'([a-z|]+)' command/i.exec(text)?.[1];
  if (command !== undefined) return `our user may not run ${command}`;
  if (/NOPERM/.test(text)) return 'our user lacks a right';
  if (/timed? ?out/i.test(text)) return 'no answer in time';
  if (/Connection is closed|ECONNRESET|EPIPE/.test(text)) return 'the connection was lost';
  const code = /^([A-Z]{3,}) /.exec(text)?.[1];
  return code === undefined ? 'it failed for a reason that may hold data' : `the server answered ${code}`;
}
