import type { NativeConnectionOptions } from '@temporalio/worker';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';

/** The library fails with a TypeError on a `temporal.toml` without profiles: told as what it is. */
export class TemporalSettingsUnreadable extends Error {
  override readonly name = 'TemporalSettingsUnreadable';
}

export type TemporalSettings = {
  readonly namespace: string | undefined;
  /** What a connection is opened with. */
  readonly options: Pick<NativeConnectionOptions, 'address' | 'tls' | 'apiKey' | 'metadata'>;
};

/**
 * Where Temporal is: the standard variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
 * `TEMPORAL_TLS…`) and the user's `temporal.toml`, like the Temporal CLI.
 *
 * @throws TemporalSettingsUnreadable
 */
export function temporalSettings(
  environment: Readonly<Record<string, string | undefined>>,
): TemporalSettings {
  const { connectionOptions, namespace } = read(environment);
  const { address, tls, apiKey, metadata } = connectionOptions;
  const options = {
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  return { namespace, options };
}

function read(environment: Readonly<Record<string, string | undefined>>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars: defined(environment) });
  } catch (error) {
    const text = 'The Temporal settings cannot be read: look at the TEMPORAL_… variables and temporal.toml.';
    throw new TemporalSettingsUnreadable(text, { cause: error });
  }
}

function defined(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
