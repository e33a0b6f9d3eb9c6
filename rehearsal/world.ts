import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTemporal } from '../servers/temporal-server.ts';
import type { Closing } from './closing.ts';
import { type Stores, startStores } from './stores.ts';

export type World = {
  readonly folder: string;
  readonly stores: Stores;
  readonly temporalAddress: string;
  readonly uiUrl: string | null;
  /** Where Nexten's model files lie. */
  readonly models: string;
  readonly backups: string;
  /** What a jday process needs to know, as the plan names it. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Temporal and the stores, each in the run's folder on a free port. */
export async function startWorld(folder: string, shared: boolean, closing: Closing): Promise<World> {
  const starting = startTemporal({ dir: join(folder, 'temporal') }).then((started) => {
    closing.add(() => started.stop());
    return started;
  });
  const [temporal, stores] = await Promise.all([starting, startStores(folder, shared, closing)]);
  const models = join(folder, 'models');
  const backups = join(folder, 'backups');
  return {
    folder,
    stores,
    temporalAddress: temporal.address,
    uiUrl: temporal.uiUrl,
    models,
    backups,
    environment: {
      SOURCE_V1: stores.url('v1', 'jday'),
      SOURCE_NEXTEN: stores.url('nexten', 'jday'),
      TARGET_V2: stores.url('v2', 'jday'),
      V1_APP_USERS: 'v1-app',
      NEXTEN_APP_USERS: 'nexten-app',
      V2_APP_USERS: 'v2-app',
      SYNC_MODE: 'bidirectional',
      TRANSFORM_FORMAT: 'offers_to_jobs',
      NEXTEN_MODELS: models,
      BACKUP_DIR: backups,
      TEMPORAL_ADDRESS: temporal.address,
    },
  };
}

/** For a second terminal: `. <file>` and every jday verb speaks to this world. Holds passwords, hence 0600. */
export function writeEnvironmentFile(file: string, environment: World['environment']): void {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
}

/** Our own environment without the user's stores and Temporal settings, which must not steer a rehearsal. */
export function environmentOf(world: World): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(kept), ...world.environment };
}
