import type { StagedServer } from '../stage.ts';
import { infoNumber } from '../connection.ts';
import { until } from '../until.ts';

/** Makes the target a replica of the source. Resolves when its copy is complete. */
export async function replicate(source: StagedServer, target: StagedServer): Promise<void> {
  await target.redis.replicaof('127.0.0.1', source.server.port);
  await until(
    'the replica to be in sync',
    async () => {
      const info = await target.redis.info('replication').catch(() => '');
      return info.includes('master_link_status:up') && info.includes('master_sync_in_progress:0');
    },
    { everyMs: 5 },
  );
}

/** Resolves when the replica has applied everything that the master had written at the time of the call. */
export async function caughtUp(source: StagedServer, target: StagedServer): Promise<void> {
  const wanted = await infoNumber(source.redis, 'replication', 'master_repl_offset');
  await until(
    'the replica to catch up',
    async () => (await infoNumber(target.redis, 'replication', 'slave_repl_offset')) >= wanted,
  );
}
