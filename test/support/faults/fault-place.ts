import type { Redis } from 'ioredis';
import type { TestContext } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf, type Plan, type Side } from '../../../domain/plan/plan.ts';
import type { Timeouts } from '../../../redis/replication/store/connections.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { eventually } from '../eventually.ts';
import { type Receipts, startReceipts } from './fault-receipts.ts';
import { type Load, startLoad } from '../worlds/two-sided-load.ts';
import { startSyncProcess, type SyncProcess } from '../processes/start-sync-process.ts';
import type { Trap } from '../processes/sync-process.ts';
import { dataset, planOf } from '../worlds/sync-world.ts';

export type Ports = Readonly<Record<Side, number>>;

type Start = { readonly trap?: Trap; readonly patience?: Timeouts };

/**
 * A migration with keys, load and processes of its own, on servers that other migrations use too. It ends with the
 * test.
 */
export interface FaultPlace {
  readonly plan: Plan;
  readonly load: Load;
  readonly receipts: Receipts;
  start(options?: Start): Promise<SyncProcess>;
  /** Requests a drain. Resolves with the suspect sides that the answer names. */
  drain(side: Side, withinMs?: number): Promise<readonly Side[]>;
  /**
   * Returns one line for each key that is not on both sides as it was acknowledged. `of`: only keys that the app of
   * this side wrote.
   */
  lost(of?: Side): Promise<string[]>;
  /**
   * Resolves when V2's app has written each of its keys since the first copy began. What it wrote before is V2's own, and
   * does not travel. Call it while the sync is live.
   */
  adopted(): Promise<void>;
  /**
   * Pauses the apps and waits until both sides are equal and hold everything that was acknowledged. Resolves with a
   * function that lets the apps go on.
   */
  quiet(): Promise<() => void>;
  /** Does the same and lets the apps go on. */
  alike(): Promise<void>;
  /** Ends the apps. Then everything must be on both sides as it was acknowledged. */
  synced(): Promise<void>;
}

/**
 * @param name name of the migration, and prefix of its keys
 * @param sides direct connections to the servers
 * @param ports ports of the servers, for the apps
 * @param options `through`: the ports to which the sync connects, if they differ. `restMs`: pause between two writes of
 * an app
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
    drainLinks(sides.target, keyspaceOf(name), linksOf(plan), side, performance.now() + withinMs);
  const environment = {
    SOURCE_V1: `redis://127.0.0.1:${through.source}`,
    TARGET_V2: `redis://127.0.0.1:${through.target}`,
  };
  const lost = async (of?: Side) => [...(await load.differences(sides, of)), ...(await receipts.lost(of))];
  const noneLost = async () => {
    const found = await lost();
    return found.length === 0 || Promise.reject(new Error(found.slice(0, 5).join('\n')));
  };
  let isAdopted = false;
  const adopted = async () => {
    if (!isAdopted) await load.writtenAnew('target');
    isAdopted = true;
  };
  const quiet = async () => {
    await adopted();
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
    adopted,
    quiet,
    alike: async () => (await quiet())(),
    synced: async () => {
      await load.settle();
      await eventually('both sides to be alike', noneLost);
      // Look again after drains: no change may come late and alter the values again.
      for (const side of ['source', 'target'] as const) await drain(side);
      expect(await lost()).toEqual([]);
      expect(load.acknowledged()).toBeGreaterThan(50);
    },
  };
}
