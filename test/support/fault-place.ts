import type { Redis } from 'ioredis';
import type { TestContext } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import type { Patience } from '../../redis/sync/patience.ts';
import { drainLinks } from '../../redis/switch/drain-links.ts';
import { eventually } from './eventually.ts';
import { type Load, startLoad } from './two-sided-load.ts';
import { startSyncProcess, type SyncProcess } from './start-sync-process.ts';
import type { Trap } from './sync-process.ts';
import { dataset, planOf } from './sync-world.ts';

export type Ports = Readonly<Record<Side, number>>;

type Start = { readonly trap?: Trap; readonly patience?: Patience };

/** A migration of its own on servers that others use too: own keys, own load, own processes, ended with the test. */
export interface FaultPlace {
  readonly plan: Plan;
  readonly load: Load;
  start(options?: Start): Promise<SyncProcess>;
  /** Asks for a drain and resolves with the answer. */
  drain(side: Side, withinMs?: number): Promise<void>;
  /** The apps end; everything must then be on both sides as it was acknowledged. */
  synced(): Promise<void>;
}

/**
 * @param name prefix of its keys
 * @param sides the servers, asked without a detour
 * @param through the ports that the sync connects to, when they are not the servers' own
 */
export function makePlace(
  name: string,
  sides: Readonly<Record<Side, Redis>>,
  ports: Ports,
  { onTestFinished, expect }: TestContext,
  through: Ports = ports,
): FaultPlace {
  const plan = planOf(
    [
      dataset({ name: 'plain', patterns: [`${name}:s:*`, `${name}:h:*`] }),
      dataset({ name: 'documents', patterns: [`${name}:d:*`], transform: 'offers_to_jobs' }),
    ],
    { migration: name },
  );
  const load = startLoad(name, ports);
  const processes: SyncProcess[] = [];
  onTestFinished(async () => {
    await load.close();
    await Promise.all(processes.map((one) => one.kill()));
  });
  const drain = (side: Side, withinMs = 20_000) =>
    drainLinks(sides.target, keyspaceOf(name), linksOf(plan), side, Date.now() + withinMs);
  const environment = {
    SOURCE_V1: `redis://127.0.0.1:${through.source}`,
    TARGET_V2: `redis://127.0.0.1:${through.target}`,
  };
  return {
    plan,
    load,
    start: async ({ trap, ...how } = {}) => {
      const one = await startSyncProcess({ kind: 'run', plan, environment, ...how }, trap);
      processes.push(one);
      return one;
    },
    drain,
    synced: async () => {
      await load.settle();
      await eventually('both sides to be alike', async () => (await load.differences(sides)).length === 0);
      // Nothing that was still on its way changes it again.
      for (const side of ['source', 'target'] as const) await drain(side);
      expect(await load.differences(sides)).toEqual([]);
      expect(load.acknowledged()).toBeGreaterThan(50);
    },
  };
}
