import type { Redis } from 'ioredis';
import { otherSide, type Side } from '../../../domain/side.ts';
import { readAuthority, writeAuthority } from '../../../redis/authority.ts';
import { loadScripts } from '../../../redis/scripts/index.ts';
import { switchAuthority } from '../../../redis/switch/switch-authority.ts';
import type { SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';

export type Scene = { readonly world: World; readonly syncs: readonly SyncUnderTest[] };

/** What happens to a running system between two writes; returns when the fault has happened, not when it is over. */
export type Fault = (scene: Scene, side: Side) => Promise<void>;

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
  // Whatever is on its way. What it has acknowledged is there again, and its mark says so: nobody is suspect.
  'server restarted': ({ world }, side) => world.restart(side === 'source' ? 'v1' : 'v2'),
  'authority moved by its records': ({ world }) => moveRecords(world),
  'switch of authority': async ({ world }) => {
    const before = await readAuthority(world.connection('v2'));
    const to = otherSide(before?.side ?? 'source');
    // A sync that has just been killed makes it give up before the flip, which is an answer too.
    await switchAuthority({
      plan: world.plan,
      environment: world.environment,
      to,
      token: Date.now(),
      report: () => undefined,
    }).catch(isTooSlow);
  },
};

/** All syncs run, have looked at every key, and nothing is on its way. */
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

/** Both sides stay open: the next conflicts have another winner. */
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
