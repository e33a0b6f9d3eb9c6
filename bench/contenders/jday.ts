import type { Plan } from '../../domain/plan/plan.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { writeAuthority } from '../../redis/state/authority.ts';
import { loadScripts } from '../../redis/scripts/runner.ts';
import type { BenchProcess } from '../bench-process.ts';
import { benchEnvironment } from '../plan.ts';
import { profiling, reportProfile } from '../profile.ts';
import type { SyncInput, SyncSaid } from '../processes/sync.ts';
import type { Stage, StagedServer } from '../stage.ts';
import { until } from '../until.ts';

export type SyncProcess = BenchProcess<SyncInput, SyncSaid, null>;

/** Starts our engine in a process of its own. Its code is loaded, and the sync has not begun yet. */
export async function openSync(stage: Stage): Promise<SyncProcess> {
  const sync = stage.process<SyncInput, SyncSaid, null>('sync', profiling(stage));
  await sync.ready;
  return sync;
}

/** Writes the authority record as the claim of a migration does. Without it the sync may not write. */
export async function claimForBench(...servers: readonly StagedServer[]): Promise<void> {
  for (const { redis } of servers)
    await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
}

export function begin(
  sync: SyncProcess,
  plan: Plan,
  source: StagedServer,
  target: StagedServer,
  tellScans = false,
): void {
  sync.begin({ plan, environment: benchEnvironment(source, target), tellScans });
}

/** Returns the last status that the sync has reported. */
export function statusOf(sync: SyncProcess): LinkStatus | undefined {
  const last = sync.said.findLast((said) => said.kind === 'status');
  return last?.kind === 'status' ? last.status : undefined;
}

/** Resolves when the first scan has ended, with that moment in ms since the epoch. */
export async function scanned(sync: SyncProcess): Promise<number> {
  return until(
    'the scan',
    () => {
      const first = sync.said.find((said) => said.kind === 'scanned');
      return first?.kind === 'scanned' ? first.atMs : undefined;
    },
    { withinMs: 300_000 },
  );
}

/** Resolves when the scan has ended and no change is pending. */
export function settled(sync: SyncProcess): Promise<LinkStatus> {
  return untilStatus(
    sync,
    ({ state, pending }) => state === 'live' && pending.toTarget + pending.toSource === 0,
  );
}

/** Resolves when the scan has ended, even if changes are pending. */
export function live(sync: SyncProcess): Promise<LinkStatus> {
  return untilStatus(sync, ({ state }) => state === 'live');
}

async function untilStatus(sync: SyncProcess, fits: (status: LinkStatus) => boolean): Promise<LinkStatus> {
  const ended = sync.result.then(() => Promise.reject(new Error('the sync ended')));
  const fitting = until(
    'the sync to come so far',
    () => {
      const status = statusOf(sync);
      return status && fits(status) ? status : undefined;
    },
    { withinMs: 300_000 },
  );
  return Promise.race([fitting, ended]);
}

/** Ends the sync in order, so that it writes a profile. */
export async function endSync(stage: Stage, sync: SyncProcess): Promise<void> {
  await sync.stop();
  sync.letGo();
  await reportProfile(stage);
}
