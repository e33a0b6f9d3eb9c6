import { setTimeout as delay } from 'node:timers/promises';
import type { Shard } from '../../../domain/shard.ts';
import type { Side } from '../../../domain/side.ts';
import { ACCEPTANCES, type Acceptance } from '../../../domain/suspicion.ts';
import { App } from './app.ts';
import { type Fault, FAULTS, type Scene, settled } from './faults.ts';
import { echoesWhile } from './echoes.ts';
import { losersOn, statesOn } from './at-rest.ts';
import { CAUSES, type Loss, loseKeys } from './loss.ts';
import { judge, type LostState, type Violation } from './judge.ts';
import type { Seen } from './seen.ts';
import { type Seeded, seeded } from '../../support/seeded.ts';
import { SupervisedSync, type SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';
import { drawAct, type Keys, keysOf } from './writes.ts';

export type Outcome = {
  readonly seed: number;
  readonly acts: number;
  readonly faults: readonly string[];
  readonly conflicts: number;
  readonly violations: readonly Violation[];
  /** For whoever reads a failure: each write at the keys that are wrong. */
  readonly story: readonly string[];
};

type Judged = Pick<Outcome, 'conflicts' | 'violations' | 'story'>;

const SIDES = ['source', 'target'] as const;
type Actor = {
  readonly link: string;
  readonly side: Side;
  readonly keys: Keys;
  readonly app: App;
  readonly random: Seeded;
};

export type Course = {
  /** Turns of the apps; in each one to four of them act at once. */
  readonly turns: { readonly least: number; readonly spread: number };
  /** Below how many faults happen. */
  readonly faults: number;
  /** Those that may, by name. */
  readonly repertory: Readonly<Record<string, Fault>>;
  readonly syncOf: (world: World, shard: Shard) => SyncUnderTest;
};

export const SHORT: Course = {
  turns: { least: 20, spread: 35 },
  faults: 5,
  repertory: FAULTS,
  syncOf: (world, shard) => new SupervisedSync(world.plan, shard, world.environment),
};

/** One schedule: the apps of both sides act, things break, then rest, then the oracle. */
export async function runSchedule(world: World, seed: number, course: Course = SHORT): Promise<Outcome> {
  const random = seeded(seed);
  const actors = world.links.flatMap((link) => SIDES.map((side) => actorOf(world, link, side, random)));
  const syncs = world.shards.map((shard) => course.syncOf(world, shard));
  const told: string[] = [];
  let acts = 0;
  let judged: Judged = { conflicts: 0, violations: [], story: [] };
  const wrong: Violation[] = [];
  try {
    await world.empty();
    const losses: Loss[] = [];
    acts = await play({ world, syncs, course, losses }, actors, random, told);
    const echoes = await rest({ world, syncs });
    judged = await judgeAll(world, actors, losses);
    wrong.push(...echoes);
  } catch (error) {
    wrong.push(stuck(syncs, error));
  }
  for (const sync of syncs) await sync.kill();
  const ends = syncs
    .flatMap((sync) => sync.faults)
    .map((detail): Violation => ({ what: 'stuck', key: '', detail }));
  return { seed, acts, faults: told, ...judged, violations: [...judged.violations, ...wrong, ...ends] };
}

/** It never came to rest, or the engine ended for a reason that nobody gave it. */
function stuck(syncs: readonly SyncUnderTest[], error: unknown): Violation {
  const told = syncs.map(
    ({ status, ends }) =>
      `pending ${JSON.stringify(status?.pending)}, breaker ${JSON.stringify(status?.breaker)}, last ends ${JSON.stringify(ends.slice(-10))}`,
  );
  return {
    what: 'stuck',
    key: '',
    detail: `${error instanceof Error ? error.stack : String(error)}; ${told.join('; ')}`,
  };
}

function actorOf(world: World, link: string, side: Side, random: Seeded): Actor {
  const app = new App(side, () => world.connection(world.storeOf(side, link), 'app'));
  return { link, side, keys: keysOf(link), app, random: random.fork() };
}

type Play = Scene & { readonly course: Course; readonly losses: Loss[] };

async function play(scene: Play, actors: readonly Actor[], random: Seeded, told: string[]): Promise<number> {
  let acts = 0;
  const act = async (from: readonly Actor[]) => {
    const { app, link, side, keys, random: own } = random.pick(from);
    const id = `${link}-${side}-${++acts}`;
    await app.act(id, drawAct({ random: own, side, keys }, id, Date.now()));
  };
  const sources = actors.filter(({ side }) => side === 'source');
  for (let i = random.below(12); i > 0; i--) await act(sources);
  for (const sync of scene.syncs) sync.start();
  // While the first scan runs: what V2 alone holds when the feed opens is V2's own and does not travel.
  for (let i = random.below(4); i > 0; i--) await act(sources);
  for (const sync of scene.syncs) await sync.reached(random.chance(0.5) ? 'feed open' : 'scanned');
  const { turns, faults } = scene.course;
  const length = turns.least + random.below(turns.spread);
  const faultAt = new Set(Array.from({ length: random.below(faults) }, () => random.below(length)));
  for (let i = 0; i < length; i++) {
    await Promise.all(Array.from({ length: random.pick([1, 1, 1, 2, 4]) }, () => act(actors)));
    if (random.chance(0.4)) await delay(random.below(5));
    if (random.chance(0.01)) await delay(random.below(300));
    if (faultAt.has(i)) await fault(scene, random, told, () => act(actors));
  }
  return acts;
}

type Drawn = { readonly cause: keyof typeof CAUSES; readonly word: Acceptance };
const LOSSES: readonly Drawn[] = (['flushed', 'evicted'] as const).flatMap((cause) =>
  ACCEPTANCES.map((word) => ({ cause, word })),
);
const nameOf = ({ cause, word }: Drawn) => `${cause}, then ${word}`;
/** All that may happen in a schedule, by name. */
export const HAPPENINGS = [...Object.keys(FAULTS), ...LOSSES.map(nameOf)];

async function fault(scene: Play, random: Seeded, told: string[], act: () => Promise<void>): Promise<void> {
  const side = random.pick(SIDES);
  // Until it is written down what V2 held, all that it holds is V2's own: faults begin when it is.
  if (told.length === 0) for (const sync of scene.syncs) await sync.reached('scan target');
  const { repertory } = scene.course;
  if (random.chance(0.1)) return loss(scene, side, random, told, act);
  const name = random.pick(Object.keys(repertory));
  told.push(`${name} (${side})`);
  await repertory[name]?.(scene, side);
}

async function loss(
  scene: Play,
  side: Side,
  random: Seeded,
  told: string[],
  act: () => Promise<void>,
): Promise<void> {
  // One server for both sides evicts the same key on both: nobody has it then, and nothing can be decided.
  const possible = LOSSES.filter(({ cause }) => scene.world.topology !== 'shared' || cause !== 'evicted');
  const drawn = random.pick(possible);
  const { cause, word } = drawn;
  told.push(`${nameOf(drawn)} (${side})`);
  const apps = async () => {
    for (let i = random.below(8); i > 0; i--) await act();
  };
  scene.losses.push(...(await loseKeys(scene, side, { cause: CAUSES[cause], word }, apps)));
}

/** Everything has arrived, and from then on nothing is written any more (L3). */
async function rest({ world, syncs }: Scene): Promise<readonly Violation[]> {
  await settled({ world, syncs });
  return echoesWhile(world, () => world.settle());
}

async function judgeAll(world: World, actors: readonly Actor[], losses: readonly Loss[]): Promise<Judged> {
  const violations: Violation[] = [];
  const story: string[] = [];
  let conflicts = 0;
  for (const link of world.links) {
    const mine = actors.filter((actor) => actor.link === link);
    const lost = losses.filter((loss) => loss.link === link);
    const standing = (await Promise.all(SIDES.map((side) => losersOn(world, link, side)))).flat();
    const losers = [...standing, ...lost.flatMap((loss) => loss.losers)];
    conflicts += losers.length;
    const [sources, targets] = await Promise.all(SIDES.map((side) => statesOn(world, link, side)));
    const nowMs = Date.now();
    for (const [at, { source: key }] of keysOf(link).all.entries()) {
      const final = { source: sources?.[at] as Seen, target: targets?.[at] as Seen };
      const writes = mine.flatMap(({ app }) => app.writes).filter((write) => write.key === key);
      const journal = losers.filter(({ name }) => name.source === key).map(({ state }) => state);
      const found = judge({ key, writes, final, journal, nowMs, losses: lossesOf(lost, key) });
      violations.push(...found);
      if (found.length > 0)
        story.push(
          ...writes.map((write) => JSON.stringify(write)),
          ...lossesOf(lost, key).map((loss) => JSON.stringify(loss)),
        );
    }
  }
  return { conflicts, violations, story };
}

function lossesOf(losses: readonly Loss[], key: string): readonly LostState[] {
  return losses.map(({ taken, side, word, fromMs, untilMs }) => {
    return { state: taken.get(key) ?? null, side, word, fromMs, untilMs };
  });
}
