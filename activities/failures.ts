import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { FINAL_FAILURES } from '../domain/run/failure.ts';
import { ClusterChanged, isRedirection } from '../redis/client/topology.ts';

/**
 * The only place where errors are translated for Temporal. The name of the error becomes the failure type. The message
 * is cut, and URLs, addresses and what a server has quoted of a command are removed from it, because the history keeps
 * every message. Stack and cause stay in the worker.
 */
export function toFailure(error: unknown): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  const { type, message } = tellable(error);
  const failure = ApplicationFailure.create({ type, message, nonRetryable: FINAL_FAILURES.includes(type) });
  failure.stack = '';
  return failure;
}

/** Name and message of an error, as they may stand in the history and in a log. */
export function tellable(error: unknown): { readonly type: string; readonly message: string } {
  if (isRedirection(error)) return tellable(new ClusterChanged());
  if (error instanceof ApplicationFailure)
    return { type: error.type ?? error.name, message: scrub(error.message) };
  const type = error instanceof Error ? error.name : 'Error';
  const message = isDemotion(error) ? DEMOTED : error instanceof Error ? error.message : String(error);
  return { type, message: scrub(message) };
}

const DEMOTED =
  'a server of a store is a replica now and takes no writes: after a failover the URL must lead to the new master';

function isDemotion(error: unknown): boolean {
  return error instanceof Error && /^READONLY\b/.test(error.message);
}

/** Longest message that the history keeps, in characters. */
const MOST_CHARACTERS = 300;

/**
 * What a message may hold that must not leave this process, and what stands for it. A URL may hold a password. A server
 * that does not know a command quotes its arguments, and those are keys and values. The last two are addresses, as Node
 * and the servers write them.
 */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*):\/\/\S+/gi, '$1://…'],
  [/,? with args beginning with: [^]*$/i, ''],
  [/\b(MOVED|ASK) (\d+) \S+/g, '$1 $2'],
  [/\b(ECONN[A-Z]+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDR[A-Z]+) \S+/g, '$1'],
  [/(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\d.])|\[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d+)?/gi, '…'],
];

function scrub(message: string): string {
  const safe = SECRETS.reduce((text, [secret, stand]) => text.replace(secret, stand), message);
  return safe.slice(0, MOST_CHARACTERS);
}

/** Wraps every activity, so that the workflow sees only failures that `toFailure` has made. */
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
