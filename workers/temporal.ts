import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { temporalSettings } from './temporal-settings.ts';
import { temporalUnreachable } from './temporal-unreachable.ts';

export type TemporalLink = {
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly namespace: string;
};

/**
 * Connects to Temporal as the settings of the environment say.
 *
 * @param environment variables of the process
 * @throws TemporalSilent, TemporalSettingsUnreadable
 */
export async function connectTemporal(environment: NodeJS.ProcessEnv): Promise<TemporalLink> {
  const settings = temporalSettings(environment);
  const { options, namespace = 'default' } = settings;
  const connection = await NativeConnection.connect(options).catch(async (error: unknown) => {
    throw await temporalUnreachable(settings, error);
  });
  return { connection, client: new Client({ connection, namespace }), namespace };
}
