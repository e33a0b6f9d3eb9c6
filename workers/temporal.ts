import { Client } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';

export type TemporalLink = {
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly namespace: string;
};

/** Connects by the standard variables (`TEMPORAL_ADDRESS`, …) and the user's `temporal.toml`, like the Temporal CLI. */
export async function connectTemporal(): Promise<TemporalLink> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const { address, tls, apiKey, metadata } = connectionOptions;
  const connection = await NativeConnection.connect({
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  });
  return { connection, client: new Client({ connection, namespace }), namespace };
}
