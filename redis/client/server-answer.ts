/**
 * Why a server did not do what we asked. The kinds need different remedies: a right can be granted, a command that the
 * server does not have cannot, and a server that is loading only has to be waited for.
 *
 * - `denied`: our user may not do it.
 * - `no such command`: the server does not have the command, because of its version, or because whoever runs it has
 *   renamed or hidden it.
 * - `no login`: the server does not know us.
 * - `not ready`: it loads its data, waits for its master, or runs a script.
 * - `other`: any other error, also one of the connection.
 */
export type AnswerKind = 'denied' | 'no such command' | 'no login' | 'not ready' | 'other';

/** A missing right inside a script is an ERR on some servers: Redis 7.0 and Valkey have different words for it. */
const KINDS: readonly (readonly [AnswerKind, RegExp])[] = [
  ['denied', /^(?:NOPERM\b|ERR ACL failure in script\b|ERR The user executing the script\b)/],
  ['no such command', /^ERR (?:unknown (?:sub)?command\b|Unknown (?:Redis|Valkey) command\b)/i],
  ['no login', /^(?:NOAUTH|WRONGPASS)\b/],
  ['not ready', /^(?:LOADING|MASTERDOWN|NOMASTERLINK|BUSY)\b/],
];

export function answerKind(error: unknown): AnswerKind {
  if (!(error instanceof Error)) return 'other';
  // A transaction says only that one of its commands was refused. The refusals themselves came before.
  const before = 'previousErrors' in error && Array.isArray(error.previousErrors) ? error.previousErrors : [];
  const [first] = before as readonly unknown[];
  if (first !== undefined) return answerKind(first);
  return KINDS.find(([, pattern]) => pattern.test(error.message))?.[0] ?? 'other';
}

/**
 * Returns the name of the command that a server does not have or does not allow, in lower case, as it stands in the
 * error; '' = it does not say. No other word of an error may be shown, because it may be a key or a value.
 */
export function commandIn(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  const [, denied, unknown] =
    /'([a-z|-]+)' command|unknown (?:sub)?command ['`]([a-z|-]+)['`]/i.exec(text) ?? [];
  return (denied ?? unknown ?? '').toLowerCase();
}

/** True when ACL DRYRUN says that it does not know the user or the command, or not in this form. */
export function isNoQuestion(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return /^ERR (?:(?:User|Command) '[^]*' not found|wrong number of arguments)/i.test(text);
}
