import type { Plan } from '../../domain/plan.ts';
import type { LinkStatus } from '../../domain/status.ts';
import { writeAuthority } from '../../redis/authority.ts';
import { loadScripts } from '../../redis/scripts/index.ts';
import type { BenchProcess } from '../bench-process.ts';
import { environmentOf } from '../plan.ts';
import { profiling, reportProfile } from '../profile.ts';
import type { SyncInput, SyncSaid } from '../processes/sync.ts';
import type { Stage, StagedServer } from '../stage.ts';
import { until } from '../until.ts';

export type SyncProcess = BenchProcess<SyncInput, SyncSaid, null>;

/** Our engine in a process of its own, loaded and not begun yet. */
export async function openSync(stage: Stage): Promise<SyncProcess> {
  const sync = stage.process<SyncInput, SyncSaid, null>('sync', profiling(stage));
  await sync.ready;
  return sync;
}

/** What the claim of a migration does before its sync may write. */
export async function claim(...servers: readonly StagedServer[]): Promise<void> {
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
  sync.begin({ plan, environment: environmentOf(source, target), tellScans });
}

/** The last status it told. */
export function statusOf(sync: SyncProcess): LinkStatus | undefined {
  const last = sync.said.findLast((said) => said.kind === 'status');
  return last?.kind === 'status' ? last.status : undefined;
}

/** When the first scan was through, ms since the epoch. */
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

/** Resolves when the scan is through and nothing waits any more. */
export function settled(sync: SyncProcess): Promise<LinkStatus> {
  return untilStatus(
    sync,
    ({ state, pending }) => state === 'live' && pending.toTarget + pending.toSource === 0,
  );
}

/** Resolves when the scan is through, whatever goes on changing. */
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

/** Ends the sync in order, so that a profile is written. */
export async function endSync(stage: Stage, sync: SyncProcess): Promise<void> {
  await sync.stop();
  sync.letGo();
  await reportProfile(stage);
}
