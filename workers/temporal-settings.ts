import type { NativeConnectionOptions } from '@temporalio/worker';
import {
  type ClientConfigProfile,
  type ClientConnectConfig,
  loadClientConfigProfile,
  toClientOptions,
} from '@temporalio/envconfig';
import { checkedPems, PemUnusable, type TlsMaterial, unreadable } from '../redis/tls/pem-files.ts';
import type { TlsNames } from '../redis/tls/tls-trouble.ts';

/**
 * `temporal.toml` or a TEMPORAL_… variable cannot be read. The library fails with a bare TypeError on a file without
 * profiles, and with the words of the system on a missing certificate; this error says what to correct.
 */
export class TemporalSettingsUnreadable extends Error {
  override readonly name = 'TemporalSettingsUnreadable';
}

export type TemporalSettings = {
  /** `undefined` = the settings name none. */
  readonly namespace: string | undefined;
  /** The options of a connection to Temporal. */
  readonly options: Pick<NativeConnectionOptions, 'address' | 'tls' | 'apiKey' | 'metadata'>;
  /** What the connection is encrypted with; `undefined` = plain text. */
  readonly tls: TlsMaterial | undefined;
};

/** How the settings for TLS are called in messages. A profile of temporal.toml may hold them as well. */
export const TEMPORAL_TLS: TlsNames = {
  ca: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  cert: 'TEMPORAL_TLS_CLIENT_CERT_PATH',
  key: 'TEMPORAL_TLS_CLIENT_KEY_PATH',
  servername: 'TEMPORAL_TLS_SERVER_NAME',
  plain: 'TEMPORAL_TLS=false',
};

/**
 * Reads where Temporal is, as the Temporal CLI does: from the standard variables (`TEMPORAL_ADDRESS`,
 * `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS…`) and the user's `temporal.toml`. An empty variable of TLS
 * counts as not set: the library would take it for a no, and speak in plain text.
 *
 * @throws TemporalSettingsUnreadable
 */
export function temporalSettings(
  environment: Readonly<Record<string, string | undefined>>,
): TemporalSettings {
  const { connectionOptions, namespace } = read(defined(environment));
  const { address, tls, apiKey, metadata } = connectionOptions;
  const options = {
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  return { namespace, options, tls: materialOf(tls) };
}

function read(environment: Record<string, string>): ClientConnectConfig {
  const wanted = environment['TEMPORAL_TLS'];
  if (wanted !== undefined && !/^(true|false|1|0)$/.test(wanted))
    throw new TemporalSettingsUnreadable(
      'TEMPORAL_TLS: expected true or false, found something else, which the libraries take for false.',
    );
  const profile = profileOf(environment);
  assertPair(profile);
  try {
    return toClientOptions(profile);
  } catch (error) {
    throw fileMissing(error, environment);
  }
}

function profileOf(environment: Record<string, string>): ClientConfigProfile {
  try {
    return loadClientConfigProfile({ overrideEnvVars: environment });
  } catch (error) {
    const text = 'The Temporal settings cannot be read: look at the TEMPORAL_… variables and temporal.toml.';
    throw new TemporalSettingsUnreadable(text, { cause: error });
  }
}

/** The library drops a client certificate without its key, and a key without its certificate, without a word. */
function assertPair({ tls }: ClientConfigProfile): void {
  const [has, lacks] = tls?.clientCert ? (['cert', 'key'] as const) : (['key', 'cert'] as const);
  if (!tls || tls.disabled || Boolean(tls.clientCert) === Boolean(tls.clientKey)) return;
  const text = `${TEMPORAL_TLS[has]} is set and ${TEMPORAL_TLS[lacks]} is not: set both, or neither.`;
  throw new TemporalSettingsUnreadable(text);
}

function fileMissing(error: unknown, environment: Record<string, string>): TemporalSettingsUnreadable {
  const path = error instanceof Error && 'path' in error ? String(error.path) : '';
  const names = Object.entries(environment).flatMap(([name, value]) => (value === path ? [name] : []));
  const variable = names.find((name) => /^TEMPORAL_TLS_.*_PATH$/.test(name)) ?? 'temporal.toml';
  return settingsWrong(unreadable(path, variable, error));
}

function settingsWrong(error: PemUnusable): TemporalSettingsUnreadable {
  return new TemporalSettingsUnreadable(`${error.message}.`, { cause: error });
}

/** Checks what the files hold: the libraries report a file without a certificate as an unknown CA. */
function materialOf(tls: NativeConnectionOptions['tls']): TlsMaterial | undefined {
  if (!tls) return undefined;
  if (tls === true) return {};
  const { serverRootCACertificate, clientCertPair, serverNameOverride } = tls;
  const text = (pem: Uint8Array) => Buffer.from(pem).toString('utf8');
  const material = {
    ...(serverRootCACertificate && { ca: text(serverRootCACertificate) }),
    ...(clientCertPair && { cert: text(clientCertPair.crt), key: text(clientCertPair.key) }),
    ...(serverNameOverride && { servername: serverNameOverride }),
  };
  try {
    return checkedPems(material, TEMPORAL_TLS);
  } catch (error) {
    throw error instanceof PemUnusable ? settingsWrong(error) : error;
  }
}

function defined(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || (value === '' && name.startsWith('TEMPORAL_TLS')) ? [] : [[name, value]],
    ),
  );
}
