import type { Redis } from 'ioredis';
import type { TestContext } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import type { Patience } from '../../redis/sync/patience.ts';
import { drainLinks } from '../../redis/switch/drain-links.ts';
import { eventually } from './eventually.ts';
import { type Receipts, startReceipts } from './fault-receipts.ts';
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
  readonly receipts: Receipts;
  start(options?: Start): Promise<SyncProcess>;
  /** Asks for a drain and resolves with the answer: the sides that are suspect. */
  drain(side: Side, withinMs?: number): Promise<readonly Side[]>;
  /** What is not on both sides as it was acknowledged: one line each; `of`: written by the app of this side. */
  lost(of?: Side): Promise<string[]>;
  /** The apps rest, and both sides come to hold the same, all that was acknowledged; with what lets them go on. */
  quiet(): Promise<() => void>;
  /** The same, and they go on. */
  alike(): Promise<void>;
  /** The apps end; everything must then be on both sides as it was acknowledged. */
  synced(): Promise<void>;
}

/**
 * @param name prefix of its keys
 * @param sides the servers, asked without a detour
 * @param how through: the ports that the sync connects to, when they are not the servers' own; restMs: between two
 * writes of an app
 */
export function makePlace(
  name: string,
  sides: Readonly<Record<Side, Redis>>,
  ports: Ports,
  { onTestFinished, expect }: TestContext,
  { through = ports, restMs }: { readonly through?: Ports; readonly restMs?: number } = {},
): FaultPlace {
  const plan = planOf(
    [
      dataset({ name: 'plain', patterns: [`${name}:s:*`, `${name}:h:*`] }),
      dataset({ name: 'documents', patterns: [`${name}:d:*`], transform: 'offers_to_jobs' }),
    ],
    { migration: name },
  );
  const load = startLoad(name, ports, restMs);
  const receipts = startReceipts(`${name}:s`, sides);
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
  const lost = async (of?: Side) => [...(await load.differences(sides, of)), ...(await receipts.lost(of))];
  const noneLost = async () => {
    const found = await lost();
    return found.length === 0 || Promise.reject(new Error(found.slice(0, 5).join('\n')));
  };
  const quiet = async () => {
    const goOn = await Promise.all((['source', 'target'] as const).map((side) => load.pause(side)));
    await eventually('both sides to be alike', noneLost);
    return () => {
      for (const one of goOn) one();
    };
  };
  return {
    plan,
    load,
    receipts,
    lost,
    start: async ({ trap, ...how } = {}) => {
      const one = await startSyncProcess({ kind: 'run', plan, environment, ...how }, trap);
      processes.push(one);
      return one;
    },
    drain,
    quiet,
    alike: async () => (await quiet())(),
    synced: async () => {
      await load.settle();
      await eventually('both sides to be alike', noneLost);
      // Nothing that was still on its way changes it again.
      for (const side of ['source', 'target'] as const) await drain(side);
      expect(await lost()).toEqual([]);
      expect(load.acknowledged()).toBeGreaterThan(50);
    },
  };
}
