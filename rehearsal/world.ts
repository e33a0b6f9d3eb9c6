import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTemporal } from '../servers/temporal-server.ts';
import type { Closing } from './closing.ts';
import { type RehearsalStores, startStores } from './stores.ts';

export type World = {
  readonly folder: string;
  readonly stores: RehearsalStores;
  readonly temporalAddress: string;
  readonly uiUrl: string | null;
  /** The folder of Nexten's model files. */
  readonly models: string;
  readonly backups: string;
  /** The variables of a jday process, with the names that the plan uses. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Starts Temporal and the stores. Each has a folder of this run and a free port. */
export async function startWorld(folder: string, shared: boolean, closing: Closing): Promise<World> {
  const starting = startTemporal({ dir: join(folder, 'temporal'), searchAttributes: true }).then(
    (started) => {
      closing.add(() => started.stop());
      return started;
    },
  );
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
      // The administrator fills the stores, and damages values when a rehearsal is told to. The plan must name such
      // writers.
      V1_OTHER_WRITERS: 'admin',
      NEXTEN_OTHER_WRITERS: 'admin',
      V2_OTHER_WRITERS: 'admin',
      SYNC_MODE: 'bidirectional',
      TRANSFORM_FORMAT: 'offers_to_jobs',
      NEXTEN_MODELS: models,
      BACKUP_DIR: backups,
      TEMPORAL_ADDRESS: temporal.address,
    },
  };
}

/**
 * Writes a file for a second terminal: after `. <file>` every jday verb talks to these servers. The file holds
 * passwords, so its mode is 0600.
 */
export function writeEnvironmentFile(file: string, environment: World['environment']): void {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
}

/**
 * Our own environment, with the stores of this rehearsal. The user's Temporal settings and the settings of the user's
 * stores are left out, because they must not steer a rehearsal.
 */
export function rehearsalEnvironment(world: World): NodeJS.ProcessEnv {
  const steers = /^(TEMPORAL|V1|NEXTEN|V2)_/;
  const kept = Object.entries(process.env).filter(([name]) => !steers.test(name));
  return { ...Object.fromEntries(kept), ...world.environment };
}
