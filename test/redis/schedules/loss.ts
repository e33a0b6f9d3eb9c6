import type { Side } from '../../../domain/side.ts';
import type { Acceptance } from '../../../domain/suspicion.ts';
import { decideSuspects } from '../../../redis/decide-suspects.ts';
import { withStores } from '../../../redis/stores.ts';
import { eventually } from '../../support/eventually.ts';
import { type Loser, losersOn, statesOn } from './at-rest.ts';
import { isBelieved } from './believed.ts';
import { type Scene, settled } from './faults.ts';
import type { Seen } from './seen.ts';
import type { SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';
import { keysOf } from './writes.ts';

/** What the server of a side of a link lost, and what was decided on it. */
export type Loss = {
  readonly link: string;
  readonly side: Side;
  readonly word: Acceptance;
  /** From the loss until nobody was suspect any more. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** What it took: states of the keys, by their name on the source. */
  readonly taken: ReadonlyMap<string, Seen>;
  /** And the journal of that side, if it took that too. */
  readonly losers: readonly Loser[];
};

/** How a server loses keys; tells afterwards whether a sync believes the side again. */
type Cause = (
  world: World,
  side: Side,
  syncs: readonly SyncUnderTest[],
) => Promise<(sync: SyncUnderTest) => boolean | Promise<boolean>>;

export const CAUSES: Readonly<Record<'flushed' | 'evicted', Cause>> = {
  /** An attempt loses its lease with everything else; the one that follows it must suspect nothing any more. */
  flushed: async (world, side, syncs) => {
    const tokens = new Map(syncs.map((sync) => [sync, sync.status?.token ?? 0]));
    await world.connection(storeOf(world, side)).flushdb();
    return (sync) => {
      const { status } = sync;
      if (!status || status.token <= (tokens.get(sync) ?? 0) || status.state !== 'live') return false;
      return (status.suspects ?? []).every((one) => one.side !== side);
    };
  },
  /** Every key with an expiry goes; of ours none has one that a sync could miss. */
  evicted: async (world, side) => {
    const redis = world.connection(storeOf(world, side));
    const limit = (bytes: string) => ['config', 'SET', 'maxmemory', bytes];
    await redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
    // In one go: a sync that writes in between would be told that the memory is full.
    await redis.pipeline([limit('1'), ['ping'], limit('0')]).exec();
    const evicted = Number(/evicted_keys:(\d+)/.exec(await redis.info('stats'))?.[1]);
    return ({ shard }) => isBelieved(world, shard, side, (witness) => witness.evicted === evicted);
  },
};

const WITHIN_MS = 20_000;

/**
 * A side loses keys while everything is at rest, so that it is known which; the apps go on, and the operator decides
 * (L5). Returns when nothing is suspect any more.
 */
export async function loseKeys(
  scene: Scene,
  side: Side,
  { cause, word }: { readonly cause: Cause; readonly word: Acceptance },
  apps: () => Promise<void>,
): Promise<readonly Loss[]> {
  const { world, syncs } = scene;
  await settled(scene);
  const links = side === 'target' ? world.links : ['v1'];
  const affected = syncs.filter(({ shard }) => links.includes(shard.link.name));
  const before = await Promise.all(links.map((link) => heldBy(world, link, side)));
  const fromMs = Date.now();
  const believed = await cause(world, side, affected);
  const after = await Promise.all(links.map((link) => heldBy(world, link, side)));
  await apps();
  const over = async () => (await Promise.all(affected.map(believed))).every(Boolean);
  await withStores(world.plan, world.environment, 'schedule', (stores) =>
    eventually(
      `the loss of the ${side} to be decided on: ${word}`,
      async () => {
        // Decided meanwhile, or silent between two attempts: asked again.
        for (const link of links.filter((name) => isAsked(affected, name, side)))
          await decideSuspects(world.plan, stores, { word, link, side }).catch(() => undefined);
        return over();
      },
      { withinMs: WITHIN_MS },
    ),
  );
  const untilMs = Date.now();
  const taken = before.map((held, at) => takenFrom(held, after[at] as Held));
  return links.map((link, at) => ({ link, side, word, fromMs, untilMs, ...(taken[at] as Taken) }));
}

function storeOf(world: World, side: Side): string {
  return world.storeOf(side, 'v1');
}

type Held = { readonly states: ReadonlyMap<string, Seen>; readonly losers: readonly Loser[] };
type Taken = Pick<Loss, 'taken' | 'losers'>;

async function heldBy(world: World, link: string, side: Side): Promise<Held> {
  const states = await statesOn(world, link, side);
  const names = keysOf(link).all;
  const there = [...states.entries()].filter(([, { content }]) => content !== '');
  return {
    states: new Map(there.map(([at, state]) => [names[at]?.source ?? '', state])),
    losers: await losersOn(world, link, side),
  };
}

function takenFrom(before: Held, after: Held): Taken {
  const taken = [...before.states].filter(([key]) => !after.states.has(key));
  return { taken: new Map(taken), losers: after.losers.length > 0 ? [] : before.losers };
}

/** A shard of the link waits for a word. */
function isAsked(syncs: readonly SyncUnderTest[], link: string, side: Side): boolean {
  return syncs.some(
    ({ shard, status }) =>
      shard.link.name === link &&
      (status?.suspects ?? []).some((one) => one.side === side && one.accepted === null),
  );
}
