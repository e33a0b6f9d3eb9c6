import type { Redis } from 'ioredis';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority, writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import type { SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';
import { nextToken } from '../../support/worlds/next-token.ts';

export type Scene = { readonly world: World; readonly syncs: readonly SyncUnderTest[] };

/**
 * Makes a fault happen between two writes. It returns when the fault has happened and does not wait for the recovery.
 */
export type Fault = (scene: Scene, side: Side) => Promise<void>;

/** The authority moves to the other side, but the side that served before is not fenced. */
export const LEFT_OPEN = 'authority moved by its records';
export const SWITCHED = 'switch of authority';
export const RESTARTED = 'server restarted';

export const FAULTS: Readonly<Record<string, Fault>> = {
  'sync killed and started again': async ({ syncs }) => {
    for (const sync of syncs) await sync.kill();
    for (const sync of syncs) sync.start();
  },
  'sync killed': async ({ syncs }) => {
    for (const sync of syncs) await sync.kill();
  },
  'two attempts at once': async ({ syncs }) => {
    for (const sync of syncs) sync.start();
  },
  'feed connection killed': (scene, side) => cut(scene, side, 'feed'),
  'tracking connection killed': (scene, side) => cut(scene, side, 'tracker'),
  'data connection killed': (scene, side) => cut(scene, side, 'data'),
  // The append-only file brings back every acknowledged write and the watermark. So the side is not suspect.
  [RESTARTED]: ({ world }, side) => world.restart(side === 'source' ? 'v1' : 'v2'),
  [LEFT_OPEN]: ({ world }) => moveRecords(world),
  [SWITCHED]: async ({ world }) => {
    const before = await readAuthority(world.connection('v2'));
    const to = otherSide(before?.side ?? 'source');
    // No verifier runs in a schedule, but the switch asks for its result. The switch may also give up before the flip,
    // because a sync has just been killed. That is a correct end too.
    await comparedBefore(world.plan, world.connection('v2'));
    await switchAuthority({
      plan: world.plan,
      environment: world.environment,
      to,
      token: nextToken(),
      report: () => undefined,
    }).catch(isTooSlow);
  },
};

/** Waits until all syncs run and have scanned every key, and no change is on its way. */
export async function settled({ world, syncs }: Scene): Promise<void> {
  for (const sync of syncs) sync.ensure();
  for (const sync of syncs) await sync.reached('scanned');
  await world.settle();
}

async function cut({ world, syncs }: Scene, side: Side, purpose: string): Promise<void> {
  for (const { shard } of syncs) {
    const redis = world.connection(world.storeOf(side, shard.link.name));
    const name = `name=jday:sync-${shard.name}-${purpose} `;
    for (const line of String(await redis.client('LIST')).split('\n'))
      if (line.includes(name)) await killById(redis, /id=(\d+)/.exec(line)?.[1] ?? '');
  }
}

async function killById(redis: Redis, id: string): Promise<void> {
  await redis.call('CLIENT', ['KILL', 'ID', id]);
}

/**
 * Moves the authority in the records only, so the other side wins the next conflicts. While V2 serves, the syncs answer
 * V1's changes with V2's state.
 */
async function moveRecords(world: World): Promise<void> {
  const target = world.connection('v2');
  const before = await readAuthority(target);
  const record = { side: otherSide(before?.side ?? 'source'), epoch: (before?.epoch ?? 1) + 1 };
  for (const store of ['v2', ...world.links])
    await writeAuthority(await loadScripts(world.connection(store)), record);
}

function isTooSlow(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'CutoverTooSlow') throw error;
}
