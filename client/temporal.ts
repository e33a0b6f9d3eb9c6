import { Client, Connection } from '@temporalio/client';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { EXIT, VerbFailed } from './exit.ts';

const CONNECT_TIMEOUT = '5s';

export type TemporalAccess = { readonly client: Client; readonly connection: Connection };

/**
 * Connects by the standard variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS…`)
 * and the user's `temporal.toml`; without any, localhost:7233.
 *
 * @throws VerbFailed when it does not answer
 */
export async function openTemporal(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TemporalAccess> {
  const { connectionOptions, namespace } = settings(environment);
  const { address, tls, apiKey, metadata } = connectionOptions;
  try {
    const connection = await Connection.connect({
      ...(address === undefined ? {} : { address }),
      ...(tls === undefined || tls === null ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
      connectTimeout: CONNECT_TIMEOUT,
    });
    return {
      connection,
      client: new Client({ connection, ...(namespace === undefined ? {} : { namespace }) }),
    };
  } catch (error) {
    throw new VerbFailed(
      EXIT.error,
      `Temporal does not answer at ${address ?? 'localhost:7233'}: start it (jday dev) or set TEMPORAL_ADDRESS.`,
      { cause: error },
    );
  }
}

/** The library fails with a TypeError on a `temporal.toml` without profiles: told as what it is. */
function settings(environment: Readonly<Record<string, string | undefined>>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars: defined(environment) });
  } catch (error) {
    const text = 'The Temporal settings cannot be read: look at the TEMPORAL_… variables and temporal.toml.';
    throw new VerbFailed(EXIT.usage, text, { cause: error });
  }
}

function defined(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
