import type { Side } from '../../../domain/plan/plan.ts';
import type { Acceptance } from '../../../domain/protocol/loss-suspicion.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { resolveSuspicion } from '../../../redis/state/resolve-suspicion.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { eventually } from '../../support/eventually.ts';
import { type Loser, losersOn, statesOn } from './at-rest.ts';
import { isBelieved } from './believed.ts';
import { type Scene, settled } from './faults.ts';
import type { Seen } from './seen.ts';
import type { SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';
import { keysOf } from './writes.ts';

/** What the server of one side of a link lost, and what the operator decided. */
export type Loss = {
  readonly link: string;
  readonly side: Side;
  readonly word: Acceptance;
  /** From the loss until no sync suspected the side any more. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** The lost states, by the name of the key on the source. */
  readonly taken: ReadonlyMap<string, Seen>;
  /** The losers in the conflict journal of that side, if the journal was lost too. */
  readonly losers: readonly Loser[];
};

/** Makes a server lose keys. The function that it returns tells whether a sync believes the side again. */
type Cause = (
  world: World,
  side: Side,
  syncs: readonly SyncUnderTest[],
) => Promise<(sync: SyncUnderTest) => boolean | Promise<boolean>>;

export const CAUSES: Readonly<Record<'flushed' | 'evicted', Cause>> = {
  /** The flush takes the lease too, so the attempt ends. The next attempt must suspect nothing of the side any more. */
  flushed: async (world, side, syncs) => {
    const tokens = new Map(syncs.map((sync) => [sync, sync.status?.token ?? 0]));
    await world.connection(storeOf(world, side)).flushdb();
    return (sync) => {
      const { status } = sync;
      if (!status || status.token <= (tokens.get(sync) ?? 0) || status.state !== 'live') return false;
      return (status.suspects ?? []).every((one) => one.side !== side);
    };
  },
  /** The server evicts every key that has an expiry. No record of jday that a sync needs has one. */
  evicted: async (world, side) => {
    const redis = world.connection(storeOf(world, side));
    const limit = (bytes: string) => ['config', 'SET', 'maxmemory', bytes];
    await redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
    // One pipeline, so that no sync writes in between: the server would refuse the write because its memory is full.
    await redis.pipeline([limit('1'), ['ping'], limit('0')]).exec();
    const evicted = Number(/evicted_keys:(\d+)/.exec(await redis.info('stats'))?.[1]);
    return ({ shard }) => isBelieved(world, shard, side, (witness) => witness.evicted === evicted);
  },
};

const WITHIN_MS = 60_000;

/**
 * Makes a side lose keys while everything is at rest, so that the test knows which keys were lost. Then the apps go on,
 * and the operator decides. Returns when no sync suspects the side any more.
 */
export async function loseKeys(
  scene: Scene,
  side: Side,
  { cause, word: wished }: { readonly cause: Cause; readonly word: Acceptance },
  apps: () => Promise<void>,
): Promise<readonly Loss[]> {
  const { world, syncs } = scene;
  await settled(scene);
  const word = await allowed(world, side, wished);
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
        // This fails when the loss is decided already, or when no attempt runs just now. Then it is tried again.
        for (const link of links.filter((name) => isAsked(affected, name, side)))
          await resolveSuspicion(world.plan, stores, { word, link, side }).catch(() => undefined);
        return over();
      },
      { withinMs: WITHIN_MS },
    ),
  );
  const untilMs = Date.now();
  const taken = before.map((held, at) => takenFrom(held, after[at] as Held));
  return links.map((link, at) => ({ link, side, word, fromMs, untilMs, ...(taken[at] as Taken) }));
}

/** While V2 serves, an operator may not accept an absence on V1: it would delete V2's keys. */
async function allowed(world: World, side: Side, word: Acceptance): Promise<Acceptance> {
  const record = await readAuthority(world.connection(world.storeOf('target', 'v1')));
  return side === 'source' && record?.side === 'target' ? 'restore' : word;
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

/** Whether a shard of the link waits for the operator's decision. */
function isAsked(syncs: readonly SyncUnderTest[], link: string, side: Side): boolean {
  return syncs.some(
    ({ shard, status }) =>
      shard.link.name === link &&
      (status?.suspects ?? []).some((one) => one.side === side && one.accepted === null),
  );
}
