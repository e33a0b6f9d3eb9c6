import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { temporalSettings } from './temporal-settings.ts';
import { TemporalSilent } from './temporal-silent.ts';

export type TemporalLink = {
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly namespace: string;
};

/** @throws TemporalSilent, TemporalSettingsUnreadable */
export async function connectTemporal(): Promise<TemporalLink> {
  const { options, namespace = 'default' } = temporalSettings(process.env);
  const connection = await NativeConnection.connect(options).catch((error: unknown) => {
    throw new TemporalSilent(options.address, { cause: error });
  });
  return { connection, client: new Client({ connection, namespace }), namespace };
}
