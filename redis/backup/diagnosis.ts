import { logIn, openReplicaLink } from './replica-link.ts';

const PATIENCE_MS = 5_000;

/**
 * Why a server cannot be talked to, in words that name no address and no user (L12). Asked over a bare socket: the
 * client library tells only that the connection was closed.
 */
export async function diagnose(url: string): Promise<string> {
  try {
    const address = new URL(url);
    const link = await openReplicaLink(address, AbortSignal.timeout(PATIENCE_MS));
    try {
      await logIn(link, address);
      await link.ask('PING');
      return 'cannot connect';
    } finally {
      link.close();
    }
  } catch (error) {
    return plainReason(error);
  }
}

/** A closed set of sentences for what goes wrong between two servers. */
export function plainReason(error: unknown): string {
  const text = error instanceof Error ? `${error.name} ${error.message}` : String(error);
  if (/WRONGPASS|NOAUTH|invalid password/i.test(text)) return 'wrong user or password';
  if (/NOPERM/.test(text)) return 'the user lacks the right to PSYNC, REPLCONF or INFO';
  if (/NOMASTERLINK|LOADING|MASTERDOWN/.test(text)) return 'the server is not ready yet';
  if (/ECONNREFUSED/.test(text)) return 'connection refused';
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'host not found';
  if (/in time|timed? ?out|aborted/i.test(text)) return 'no answer in time';
  if (/certificate|SSL|TLS/i.test(text)) return 'TLS failed';
  if (/closed|ECONNRESET|EPIPE/.test(text)) return 'the server closed the connection';
  if (/unexpected/.test(text)) return 'it answered something unexpected';
  return 'the conversation failed';
}
