import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { FAILURES, type FailureType } from '../domain/failure.ts';
import { ClusterChanged, isRedirection } from '../redis/cluster/cluster-changed.ts';

const FINAL: readonly string[] = [
  FAILURES.StoresClaimed,
  FAILURES.OwnershipUncertain,
  FAILURES.BackupUnproven,
  FAILURES.BadConfiguration,
  FAILURES.NothingToDecide,
] satisfies FailureType[];

/**
 * The only translation of errors for the wire. Names of our own errors become failure types; a message is cut, and
 * loses what could be an address with a password (L12). Stack and cause stay in the worker.
 */
export function toFailure(error: unknown): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (isRedirection(error)) return toFailure(new ClusterChanged());
  const type = error instanceof Error ? error.name : 'Error';
  const message = error instanceof Error ? error.message : String(error);
  const failure = ApplicationFailure.create({
    type,
    message: scrub(message),
    nonRetryable: FINAL.includes(type),
  });
  failure.stack = '';
  return failure;
}

function scrub(message: string): string {
  return message
    .replace(/rediss?:\/\/\S+/g, 'redis://…')
    .replace(/\b(MOVED|ASK) (\d+) \S+/g, '$1 $2')
    .slice(0, 300);
}

/** Wraps every activity: what they throw reaches the workflow as one kind of failure. */
export function withFailures<T extends object>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (...args: unknown[]) => {
      try {
        return await (run as (...given: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        throw toFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
