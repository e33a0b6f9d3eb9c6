import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../../domain/plan/plan.ts';
import type { TlsNames, Trouble } from './tls-trouble.ts';

/** The content of the files of a `TlsFiles`, as PEM. It is plain data, which may be passed to a thread. */
export type TlsMaterial = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
};

/** A file for TLS cannot be used. The message names the setting and the file. */
export class PemUnusable extends Error {
  override readonly name = 'PemUnusable';
  readonly trouble: Trouble;
  constructor(trouble: Trouble, options?: ErrorOptions) {
    super(`${trouble.reason}. ${trouble.remedy}`, options);
    this.trouble = trouble;
  }
}

/**
 * Reads the files, and checks what is in them: Node would take a file without a certificate without a word, and then
 * know no CA at all.
 *
 * @param names how the settings are called in an error
 * @throws PemUnusable
 */
export function readTlsFiles({ servername, ...files }: TlsFiles, names: TlsNames): TlsMaterial {
  const read = (['ca', 'cert', 'key'] as const).flatMap((field) => {
    const path = files[field];
    return path === undefined ? [] : [[field, readPem(path, names[field])] as const];
  });
  return checkedPems({ ...Object.fromEntries(read), ...(servername !== undefined && { servername }) }, names);
}

/**
 * Checks PEM texts, wherever they come from.
 *
 * @throws PemUnusable
 */
export function checkedPems(pems: TlsMaterial, names: TlsNames): TlsMaterial {
  const print = createHash('sha256').update(JSON.stringify(pems)).digest('base64');
  if (GOOD.has(print)) return pems;
  for (const field of ['ca', 'cert'] as const)
    if (pems[field] !== undefined && !holdsCertificates(pems[field]))
      throw noPem(names[field], 'CERTIFICATE');
  if (pems.key !== undefined) assertKey(pems.key, names);
  if (pems.cert !== undefined && pems.key !== undefined) assertPair(pems.cert, pems.key, names);
  assertTaken(pems, names);
  GOOD.add(print);
  return pems;
}

/**
 * Fingerprints of what was found good. A sync opens many connections at once, and the check of a file with all usual
 * CAs takes 40 ms.
 */
const GOOD = new Set<string>();

function readPem(path: string, field: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, field, error);
  }
}

/** Returns the error for a file that cannot be read. `error`: that of the file system. */
export function unreadable(path: string, field: string, error: unknown): PemUnusable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const remedy = `Correct ${field}, or put the file there, on the machine that connects`;
  const reason = `${field} names ${path}, ${WHY[code] ?? `which cannot be read (${code})`}`;
  return new PemUnusable({ reason, remedy }, { cause: error });
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'and there is no such file',
  EACCES: 'which we may not read',
  EPERM: 'which we may not read',
  EISDIR: 'which is a directory',
};

function noPem(field: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): PemUnusable {
  const what = kind === 'CERTIFICATE' ? 'certificate' : 'private key';
  return new PemUnusable({
    reason: `${field} holds no ${what} as PEM`,
    remedy: `Name a file in which a block begins with -----BEGIN ${kind}-----`,
  });
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^]+?-----END (?:TRUSTED )?CERTIFICATE-----/g;

function holdsCertificates(pem: string): boolean {
  const blocks = pem.match(CERTIFICATE) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
    return blocks.length > 0;
  } catch {
    return false;
  }
}

function assertKey(pem: string, { key }: TlsNames): void {
  if (/-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    throw new PemUnusable({
      reason: `the private key of ${key} is encrypted with a passphrase`,
      remedy: 'Name a copy without a passphrase, which only our user may read',
    });
  try {
    createPrivateKey(pem);
  } catch {
    // The error is not passed on: it may quote the key.
    throw noPem(key, 'PRIVATE KEY');
  }
}

function assertPair(cert: string, key: string, names: TlsNames): void {
  if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return;
  throw new PemUnusable({
    reason: `the private key of ${names.key} does not belong to the certificate of ${names.cert}`,
    remedy: 'Name the two files that were made together; our own certificate is the first of its file',
  });
}

/** OpenSSL refuses keys that are too short and signatures that are too weak, before there is a connection. */
function assertTaken(pems: TlsMaterial, { ca, cert, key }: TlsNames): void {
  try {
    createSecureContext(pems);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
    throw new PemUnusable({
      reason: `OpenSSL does not take the files of ${ca}, ${cert} and ${key} (${code})`,
      remedy:
        'Name certificates of at least 2048 bits (RSA) or 256 bits (elliptic curves), signed with SHA-256',
    });
  }
}
