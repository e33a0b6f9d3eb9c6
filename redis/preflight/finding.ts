import type { Check } from '../../domain/run/check.ts';
import { answerKind, commandIn } from '../client/server-answer.ts';
import { LineSilent } from '../client/data-link.ts';
import type { Redis } from 'ioredis';
import type { Dataset, Store } from '../../domain/plan/plan.ts';

/** The result of a check. The runner adds the name of the check and its subject. */
export type CheckFinding = Pick<Check, 'verdict' | 'found' | 'expected' | 'remedy'>;

export function green(found: string, expected: string): CheckFinding {
  return { verdict: 'green', found, expected, remedy: '' };
}

/** The operator should look at it, but it does not block the start. */
export function alert(found: string, expected: string, remedy: string): CheckFinding {
  return { verdict: 'alert', found, expected, remedy };
}

/** It blocks the start. */
export function red(found: string, expected: string, remedy: string): CheckFinding {
  return { verdict: 'red', found, expected, remedy };
}

const BADNESS = { green: 0, alert: 1, red: 2 } satisfies Record<CheckFinding['verdict'], number>;

/** Merges the findings of a store's servers, in their order, into one: the worst finding, with the node that has it. */
export function worstOf(findings: readonly CheckFinding[]): CheckFinding {
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

/** Returns why a check itself failed, in our own words, because an error of a server may quote keys and arguments. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const command = commandIn(error);
  switch (answerKind(error)) {
    case 'denied':
      return command === '' ? 'our user lacks a right' : `our user may not run ${command}`;
    case 'no such command':
      return `the server does not have ${command === '' ? 'a command that this needs' : `the command ${command}`}`;
    case 'no login':
      return 'the server does not take our login any more';
    case 'not ready':
      return 'the server is not ready: it loads its data or is busy';
    case 'other':
      break;
  }
  if (error instanceof LineSilent || /timed? ?out/i.test(text)) return 'no answer in time';
  if (/Connection is closed|ECONNRESET|EPIPE/.test(text)) return 'the connection was lost';
  const code = /^([A-Z]{3,}) /.exec(text)?.[1];
  return code === undefined ? 'it failed for a reason that may hold data' : `the server answered ${code}`;
}

export type StoreUnderTest = {
  readonly store: Store;
  readonly redis: Redis;
  readonly database: number;
  /** All masters of a cluster, or else the one server. */
  readonly servers: readonly ServerUnderTest[];
};

export type ServerUnderTest = {
  readonly store: Store;
  readonly redis: Redis;
  readonly database: number;
  /** The hash tag that places a key of ours on this node. Empty: the store is one server, which holds every key. */
  readonly tag: string;
  /** Its share of the store's keys, 0 to 1, estimated by its share of the slots. */
  readonly share: number;
  /** Returns one field of INFO; empty when the server does not report it. */
  readonly info: (field: string) => string;
};

export type LinkUnderTest = {
  readonly name: string;
  readonly source: StoreUnderTest;
  readonly target: StoreUnderTest;
  readonly datasets: readonly Dataset[];
};
