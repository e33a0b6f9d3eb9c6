import { speaksTls, tryHandshake } from '../redis/tls/bare-connection.ts';
import type { TlsMaterial } from '../redis/tls/pem-files.ts';
import { demandsCertificate, isNoTls, noTls, tlsTrouble, type Trouble } from '../redis/tls/tls-trouble.ts';
import { TEMPORAL_TLS, type TemporalSettings } from './temporal-settings.ts';
import { TemporalSilent } from './temporal-silent.ts';

const TEMPORAL_PORT = 7233;
/** Temporal speaks HTTP/2, and refuses clients that do not say so. */
const HTTP_2 = { ALPNProtocols: ['h2'] };

/**
 * Returns the error of a connection to Temporal that could not be opened. The libraries of the client and of the worker
 * say it in two ways, and the client says no more than that its time is over. So we try the handshake ourselves.
 */
export async function temporalUnreachable(
  { options, tls }: TemporalSettings,
  cause: unknown,
): Promise<TemporalSilent> {
  return new TemporalSilent(options.address, { cause }, await tlsTroubleAt(options.address, tls));
}

/** Returns what is wrong with TLS; `null` = it is something else. */
async function tlsTroubleAt(
  address: string | undefined,
  tls: TlsMaterial | undefined,
): Promise<Trouble | null> {
  const endpoint = endpointOf(address);
  if (endpoint === null) return null;
  if (!tls) {
    if (!(await speaksTls(endpoint, HTTP_2))) return null;
    return { reason: 'the port speaks TLS', remedy: 'Set TEMPORAL_TLS=true, or correct the port' };
  }
  const end = await tryHandshake({ ...endpoint, tls }, HTTP_2);
  if (isNoTls(end)) return noTls(TEMPORAL_TLS);
  const hasCertificate = tls.cert !== undefined;
  if (end === 'refused' && !hasCertificate) return demandsCertificate(TEMPORAL_TLS);
  return tlsTrouble(end, { names: TEMPORAL_TLS, hasCertificate });
}

function endpointOf(address = 'localhost'): { readonly host: string; readonly port: number } | null {
  const [, bracketed, plain, port = TEMPORAL_PORT] =
    /^(?:\[([0-9a-f:.]+)\]|([^:/[\]\s]+))(?::(\d{1,5}))?$/i.exec(address) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? null : { host, port: Number(port) };
}
