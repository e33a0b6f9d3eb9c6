import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate with its private key, both as PEM. */
export type Certificate = { readonly cert: string; readonly key: string };

/** A certificate authority of a test. It is known nowhere but to those who are given its certificate. */
export type Authority = Certificate & {
  /** Issues a certificate, for a server or a client. Without dates it is valid now. */
  issue(content: Content): Certificate;
};

type Content = {
  readonly name: string;
  /** Host names and IPv4 addresses for which it is good. */
  readonly hosts?: readonly string[];
  readonly from?: Date;
  readonly to?: Date;
  /** Elliptic curve of the key. @defaultValue P-256 */
  readonly curve?: string;
};

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);

/** Makes an authority. Node has no X.509 issuing, so the certificates are written here, byte by byte. */
export function makeAuthority(name: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const itself = { name, subjectKey: publicKey, issuer: name, signer: privateKey, authority: true };
  return {
    ...pemOf(certificate(itself), privateKey),
    issue: (content) => {
      const pair = generateKeyPairSync('ec', { namedCurve: content.curve ?? 'P-256' });
      const subject = { ...content, subjectKey: pair.publicKey, issuer: name, signer: privateKey };
      return pemOf(certificate(subject), pair.privateKey);
    },
  };
}

/** Writes the PEM files of a certificate into a folder, and returns their paths. */
export function writePem(dir: string, name: string, { cert, key }: Certificate): Certificate {
  const paths = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key, { mode: 0o600 });
  return paths;
}

/** Certificates that are valid no longer, and not yet. */
export const EXPIRED = { from: daysFromNow(-20), to: daysFromNow(-10) };
export const NOT_YET_VALID = { from: daysFromNow(10), to: daysFromNow(20) };

type Subject = Content & {
  readonly subjectKey: KeyObject;
  readonly issuer: string;
  readonly signer: KeyObject;
  readonly authority?: boolean;
};

function certificate({ name, issuer, subjectKey, signer, hosts = [], ...rest }: Subject): Buffer {
  const { from = daysFromNow(-1), to = daysFromNow(30), authority = false } = rest;
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])), // serial number, positive
    ECDSA_WITH_SHA256,
    distinguished(issuer),
    sequence(time(from), time(to)),
    distinguished(name),
    subjectKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...(authority ? [AUTHORITY] : []), ...(hosts.length > 0 ? [altNames(hosts)] : []))),
  );
  return sequence(content, ECDSA_WITH_SHA256, bits(sign('sha256', content, signer)));
}

function pemOf(certificate: Buffer, key: KeyObject): Certificate {
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A value of ASN.1 in its distinguished encoding: tag, length, content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function sequence(...content: readonly Buffer[]): Buffer {
  return der(0x30, ...content);
}

function bits(content: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), content);
}

/** An object identifier such as `2.5.29.17`. */
function identifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const base128 = (number: number): number[] =>
    number < 128 ? [number] : [...base128(number >> 7).map((byte) => byte | 0x80), number & 0x7f];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

const ECDSA_WITH_SHA256 = sequence(identifier('1.2.840.10045.4.3.2'));
const TRUE = der(0x01, Buffer.from([0xff]));
/** Basic constraints, critical: this is an authority. */
const AUTHORITY = sequence(identifier('2.5.29.19'), TRUE, der(0x04, sequence(TRUE)));

function distinguished(name: string): Buffer {
  return sequence(der(0x31, sequence(identifier('2.5.4.3'), der(0x0c, Buffer.from(name)))));
}

/** A time of this half of the century, which is written with two digits for its year. */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return der(0x17, Buffer.from(digits.slice(2)));
}

function altNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    /^\d+(\.\d+){3}$/.test(host)
      ? der(0x87, Buffer.from(host.split('.').map(Number)))
      : der(0x82, Buffer.from(host)),
  );
  return sequence(identifier('2.5.29.17'), der(0x04, sequence(...names)));
}
