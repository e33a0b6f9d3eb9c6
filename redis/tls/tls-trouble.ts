/** Why something cannot be used, and what to do about it. Both are sentences without the final stop. */
export type Trouble = { readonly reason: string; readonly remedy: string };

/** How the settings are called that a remedy names. They differ between the stores and Temporal. */
export type TlsNames = Readonly<Record<'ca' | 'cert' | 'key' | 'servername' | 'plain', string>>;

/** What the two ends of a failed handshake were given. */
type Handshake = { readonly names: TlsNames; readonly hasCertificate: boolean };

/**
 * Puts a failure of TLS into words. Returns `null` when the error says nothing about TLS. An error of OpenSSL is known
 * by its code alone, because its text differs between versions. The name that the certificate should carry is the only
 * part of an address that the words contain.
 */
export function tlsTrouble(error: unknown, handshake: Handshake): Trouble | null {
  const code = codeOf(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error, handshake.names);
  const known = ofServer(code, handshake.names) ?? ofOurs(code, handshake);
  if (known) return known;
  if (!OF_TLS.test(code)) return null;
  const remedy = 'Look for this code in the handbook of OpenSSL, and at the log of the server at this minute';
  return { reason: `TLS failed for a rare reason (${code})`, remedy };
}

const OF_TLS =
  /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_)|SELF_SIGNED|^(INVALID_CA|HOSTNAME_MISMATCH)$/;

/** Returns whether an error says that the port answered, but not in TLS. */
export function isNoTls(error: unknown): boolean {
  return /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE)$/.test(
    codeOf(error),
  );
}

/** Returns whether an error shows that the port speaks TLS: it refused us, or we refused its certificate. */
export function provesTls(error: unknown): boolean {
  return OF_TLS.test(codeOf(error)) && !isNoTls(error);
}

export function noTls({ plain }: TlsNames): Trouble {
  return { reason: 'the port does not speak TLS', remedy: `Correct the port, or write ${plain}` };
}

function wrongName(error: unknown, { servername }: TlsNames): Trouble {
  const host = error instanceof Error && 'host' in error ? String(error.host) : 'of the connection';
  return {
    reason: `the server’s certificate is not for the name ${host}`,
    remedy: `Write in ${servername} a name that the certificate carries, or give the server one for ${host}`,
  };
}

/** The server's certificate was refused by us, or its port does not speak TLS as we do. */
function ofServer(code: string, names: TlsNames): Trouble | undefined {
  if (isNoTls({ code })) return noTls(names);
  if (/^(UNABLE_TO_|.*SELF_SIGNED)|^(CERT_UNTRUSTED|INVALID_CA|CERT_SIGNATURE_FAILURE)$/.test(code)) {
    const remedy = `Name in ${names.ca} the certificate of the CA that signed the server’s`;
    return { reason: 'the server’s certificate comes from a CA that we do not know', remedy };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    const remedy = 'Renew the server’s certificate or that of its CA; or set the clock of this machine right';
    return { reason: 'the server’s certificate has expired', remedy };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    const remedy = 'Wait until it is valid, or set the clock of this machine right';
    return { reason: 'the server’s certificate is not yet valid', remedy };
  }
  if (code === 'CERT_REVOKED')
    return { reason: 'the server’s certificate is revoked', remedy: 'Give the server a new certificate' };
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY/.test(code)) {
    const remedy = 'Let the server speak TLS 1.2 or 1.3 with its usual ciphers';
    return { reason: 'the server and we have no version or cipher of TLS in common', remedy };
  }
  return undefined;
}

/** Our certificate was refused by the server, or it demands one. */
function ofOurs(code: string, { names, hasCertificate }: Handshake): Trouble | undefined {
  const pair = `${names.cert} and ${names.key}`;
  const [, alert] = /^ERR_SSL_(?:TLSV1|TLSV13|SSLV3)_ALERT_(.+)$/.exec(code) ?? [];
  const refused = alert === 'HANDSHAKE_FAILURE' || alert === 'BAD_CERTIFICATE';
  if (alert === 'CERTIFICATE_REQUIRED' || (refused && !hasCertificate)) return demandsCertificate(names);
  if (alert === 'UNKNOWN_CA') {
    const remedy = `Let the server trust the CA that signed our certificate, or name another in ${pair}`;
    return { reason: 'the server does not know the CA of our certificate', remedy };
  }
  if (alert === 'CERTIFICATE_EXPIRED')
    return { reason: 'our certificate has expired', remedy: `Renew it, and name it in ${pair}` };
  if (
    refused ||
    /^(UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|UNKNOWN)|ACCESS_DENIED)$/.test(alert ?? '')
  ) {
    const remedy = `Name in ${pair} a certificate for clients that the server accepts`;
    return { reason: 'the server refuses our certificate', remedy };
  }
  return undefined;
}

export function demandsCertificate({ cert, key }: TlsNames): Trouble {
  return {
    reason: 'the server demands a certificate of ours',
    remedy: `Name our certificate in ${cert} and its key in ${key}`,
  };
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
