import { Client, Connection } from '@temporalio/client';
import { temporalSettings } from '../workers/temporal-settings.ts';
import { TemporalSilent } from '../workers/temporal-silent.ts';

const CONNECT_TIMEOUT = '5s';

export type TemporalAccess = { readonly client: Client; readonly connection: Connection };

/**
 * Connects as the settings say; without any, to localhost:7233.
 *
 * @throws TemporalSilent, TemporalSettingsUnreadable
 */
export async function openTemporal(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TemporalAccess> {
  const { options, namespace } = temporalSettings(environment);
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT });
    return {
      connection,
      client: new Client({ connection, ...(namespace === undefined ? {} : { namespace }) }),
    };
  } catch (error) {
    throw new TemporalSilent(options.address, { cause: error });
  }
}
