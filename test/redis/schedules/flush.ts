import type { Side } from '../../../domain/side.ts';
import type { Acceptance } from '../../../domain/suspicion.ts';
import { decideSuspects } from '../../../redis/decide-suspects.ts';
import { withStores } from '../../../redis/stores.ts';
import { eventually } from '../../support/eventually.ts';
import { type Loser, losersOn, statesOn } from './at-rest.ts';
import { type Scene, settled } from './faults.ts';
import type { Seen } from './seen.ts';
import type { SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';
import { keysOf } from './writes.ts';

/** A flush of one side of a link, and what was decided on it. */
export type Flush = {
  readonly link: string;
  readonly side: Side;
  readonly word: Acceptance;
  /** From the flush until nobody was suspect any more. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** What it took: states of the keys, by their name on the source. */
  readonly taken: ReadonlyMap<string, Seen>;
  /** And the journal of that side. */
  readonly losers: readonly Loser[];
};

const WITHIN_MS = 20_000;

/**
 * A side is flushed while everything is at rest, so that it is known what the flush took; the apps go on, and the
 * operator decides (L5). Returns when nothing is suspect any more.
 */
export async function flushSide(
  scene: Scene,
  side: Side,
  word: Acceptance,
  apps: () => Promise<void>,
): Promise<readonly Flush[]> {
  const { world, syncs } = scene;
  await settled(scene);
  const links = side === 'target' ? world.links : ['v1'];
  const before = await Promise.all(links.map((link) => takenFrom(world, link, side)));
  const tokens = new Map(syncs.map((sync) => [sync, sync.status?.token ?? 0]));
  const fromMs = Date.now();
  await world.connection(world.storeOf(side, links[0] as string)).flushdb();
  await apps();
  const affected = syncs.filter(({ shard }) => links.includes(shard.link.name));
  const over = () => affected.every((sync) => isBelieved(sync, side, tokens.get(sync) ?? 0));
  await withStores(world.plan, world.environment, 'schedule', (stores) =>
    eventually(
      `the flush of the ${side} to be decided on: ${word}`,
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
  return links.map((link, at) => ({ link, side, word, fromMs, untilMs, ...(before[at] as Taken) }));
}

type Taken = Pick<Flush, 'taken' | 'losers'>;

async function takenFrom(world: World, link: string, side: Side): Promise<Taken> {
  const states = await statesOn(world, link, side);
  const names = keysOf(link).all;
  const there = [...states.entries()].filter(([, { content }]) => content !== '');
  const taken = new Map(there.map(([at, state]) => [names[at]?.source ?? '', state]));
  return { taken, losers: await losersOn(world, link, side) };
}

/** A shard of the link waits for a word. */
function isAsked(syncs: readonly SyncUnderTest[], link: string, side: Side): boolean {
  return syncs.some(
    ({ shard, status }) =>
      shard.link.name === link &&
      (status?.suspects ?? []).some((one) => one.side === side && one.accepted === null),
  );
}

/** The attempt that lost its lease to the flush has been followed by one that suspects nothing any more. */
function isBelieved({ status }: SyncUnderTest, side: Side, token: number): boolean {
  if (!status || status.token <= token || status.state !== 'live') return false;
  return (status.suspects ?? []).every((one) => one.side !== side);
}
