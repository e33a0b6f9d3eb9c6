import { type ServerPort, firstAnswer, speaksTls, tryHandshake } from '../tls/bare-connection.ts';
import {
  demandsCertificate,
  isNoTls,
  noTls,
  type TlsNames,
  tlsTrouble,
  type Trouble,
} from '../tls/tls-trouble.ts';
import { DatabaseRefused, LineSilent } from './data-link.ts';

/**
 * A store could not be opened. The error holds no password, and of its address only the name that a certificate should
 * carry. `remedy`: what to do; empty when the reason says it.
 */
export class StoreUnreachable extends Error {
  override readonly name = 'StoreUnreachable';
  readonly store: string;
  readonly reason: string;
  readonly remedy: string;
  constructor(store: string, { reason, remedy }: Trouble, options: ErrorOptions = {}) {
    super(`store ${store}: ${reason}${remedy === '' ? '' : `. ${remedy}`}`, options);
    this.store = store;
    this.reason = reason;
    this.remedy = remedy;
  }
}

/** How the settings for TLS of a store are called in its messages. */
export const STORE_TLS: TlsNames = {
  ca: '`tls.ca` of the store',
  cert: '`tls.cert` of the store',
  key: '`tls.key` of the store',
  servername: '`tls.servername` of the store',
  plain: 'redis:// instead of rediss:// in its URL',
};

/** A reason that needs no other remedy than the one of the preflight. */
export function because(reason: string, remedy = ''): Trouble {
  return { reason, remedy };
}

/**
 * Puts the error of a connection into words that name no address and no user, so that no text of the server leaks out.
 * Returns `null` when the error does not say what is wrong.
 */
export function troubleOf(error: unknown, { tls }: Pick<ServerPort, 'tls'>): Trouble | null {
  if (error instanceof DatabaseRefused) return refusal(error);
  const text = textOf(error);
  // A plain port may wait for the end of what it takes for a command, and say nothing to the beginning of TLS.
  if (error instanceof LineSilent || (!tls && IN_TIME.test(text))) return because('no answer in time');
  const ofTls = tlsTrouble(error, { names: STORE_TLS, hasCertificate: tls?.cert !== undefined });
  if (ofTls) return ofTls;
  const [, reason] = PLAIN.find(([pattern]) => pattern.test(text)) ?? [];
  return reason === undefined ? null : because(reason);
}

/** An error about several addresses of one host has a code and no message. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name} ${'code' in error ? String(error.code) : ''} ${error.message}`;
}

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|NOAUTH|invalid (username-)?password/i, 'wrong user or password'],
  [/ECONNREFUSED/, 'connection refused'],
  [/ENOTFOUND|EAI_AGAIN/, 'host not found'],
  [/NOMASTERLINK|LOADING|MASTERDOWN/, 'the server is not ready yet'],
  [/max number of clients/, 'the server takes no more connections'],
  [/unknown (?:sub)?command/i, 'the server does not have a command that we need'],
  [/NOPERM/, 'the user lacks rights'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no way to the host'],
];

function refusal({ database, cause }: DatabaseRefused): Trouble {
  const text = cause instanceof Error ? cause.message : '';
  if (/NOPERM/.test(text))
    return because(`our user may not SELECT database ${database}`, 'Grant our user +select');
  if (/cluster mode/i.test(text))
    return because(`a cluster has no database ${database}`, 'End the URLs of the store with /0');
  if (/out of range|invalid DB/i.test(text))
    return because(
      `the server has no database ${database}`,
      'Correct the database number at the end of the URL, or raise `databases` of the server',
    );
  const remedy = 'Try SELECT there by hand, as our user; without it only database 0 can be used';
  return because(`the server does not let us into database ${database}`, remedy);
}

/**
 * Finds out why a server cannot be used, when the error of a connection does not say it: what the port speaks, and how
 * a handshake ends. Takes up to four seconds.
 */
export async function diagnose(port: ServerPort, error: unknown): Promise<Trouble> {
  const found = port.tls ? await askWithTls(port) : await askPlain(port);
  return found ?? vagueTrouble(error);
}

/** What can be said of an error that names no cause. */
export function vagueTrouble(error: unknown): Trouble {
  const text = textOf(error);
  if (IN_TIME.test(text)) return because('no answer in time');
  if (/closed|ECONNRESET|EPIPE/i.test(text)) return because('the server closed the connection');
  if (/unexpected/.test(text)) return because('it answered something unexpected');
  return because('cannot connect');
}

const IN_TIME = /in time|timed? ?out|aborted/i;

async function askWithTls(port: ServerPort): Promise<Trouble | null> {
  const end = await tryHandshake(port);
  if (end === 'open') return null;
  if ((end === 'silent' || isNoTls(end)) && (await speaksRedis(port))) return noTls(STORE_TLS);
  if (end === 'refused' && port.tls?.cert === undefined) return demandsCertificate(STORE_TLS);
  return troubleOf(end, port);
}

async function askPlain(port: ServerPort): Promise<Trouble | null> {
  const answer = await firstAnswer(port, 'PING\r\n');
  // Our question carries no login, so a server that wants one says nothing new.
  if (answer !== null && IS_REDIS.test(answer))
    return /^-NOAUTH/.test(answer) ? null : troubleOf(answer, port);
  if (await speaksTls(port))
    return because(
      'the port speaks TLS',
      'Write rediss:// instead of redis:// in the URL, or correct the port',
    );
  return answer === null ? null : because('something else than Redis answers there', 'Correct the port');
}

const IS_REDIS = /^[+-]/;

async function speaksRedis(port: ServerPort): Promise<boolean> {
  return IS_REDIS.test((await firstAnswer(port, 'PING\r\n')) ?? '');
}
