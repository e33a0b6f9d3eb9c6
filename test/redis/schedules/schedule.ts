import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Shard } from '../../../domain/keys/shard.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { ACCEPTANCES, type Acceptance } from '../../../domain/protocol/loss-suspicion.ts';
import { App, type Write } from './app.ts';
import { type Fault, FAULTS, LEFT_OPEN, type Scene, settled } from './faults.ts';
import { judgeJobs } from './jobs.ts';
import { echoesWhile } from './echoes.ts';
import { losersOn, statesOn } from './at-rest.ts';
import { CAUSES, type Loss, loseKeys } from './loss.ts';
import { judge, type LostState, type Violation } from './judge.ts';
import type { Seen } from './seen.ts';
import { servingSide } from '../../support/processes/job-fleet.ts';
import { type Seeded, seeded } from '../../support/seeded.ts';
import { SupervisedSync, type SyncUnderTest } from './supervised-sync.ts';
import type { World } from './world.ts';
import { drawAct, drawJob, type Keys, keysOf } from './writes.ts';

export type Outcome = {
  readonly seed: number;
  readonly acts: number;
  /** How many of `acts` were work on the streams of the serving side. */
  readonly jobs: number;
  readonly faults: readonly string[];
  readonly conflicts: number;
  readonly violations: readonly Violation[];
  /** Each write at the keys that are wrong; it helps to explain a failure. */
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
  /** How many turns the apps take. One to four acts of a turn run at once. */
  readonly turns: { readonly least: number; readonly spread: number };
  /** Fewer faults than this happen. */
  readonly faults: number;
  /** The faults that may happen, by name. */
  readonly repertory: Readonly<Record<string, Fault>>;
  readonly syncOf: (world: World, shard: Shard) => SyncUnderTest;
};

export const SHORT: Course = {
  turns: { least: 16, spread: 28 },
  faults: 5,
  repertory: FAULTS,
  syncOf: (world, shard) => new SupervisedSync(world.plan, shard, world.environment),
};

/** Runs one schedule: apps of both sides act while faults happen, everything comes to rest, and the oracle judges. */
export async function runSchedule(world: World, seed: number, course: Course = SHORT): Promise<Outcome> {
  const random = seeded(seed);
  const actors = world.links.flatMap((link) => SIDES.map((side) => actorOf(world, link, side, random)));
  const syncs = world.shards.map((shard) => course.syncOf(world, shard));
  const told: string[] = [];
  const done: Done = { acts: 0, jobs: 0 };
  let judged: Judged = { conflicts: 0, violations: [], story: [] };
  const wrong: Violation[] = [];
  try {
    await world.empty();
    const losses: Loss[] = [];
    await play({ world, syncs, course, losses, done }, actors, random, told);
    const echoes = await rest({ world, syncs });
    judged = await judgeAll(world, actors, losses, told);
    wrong.push(...echoes);
  } catch (error) {
    wrong.push(stuck(syncs, error));
  }
  for (const sync of syncs) await sync.kill();
  const ends = syncs
    .flatMap((sync) => sync.faults)
    .map((detail): Violation => ({ what: 'stuck', key: '', detail }));
  return { seed, ...done, faults: told, ...judged, violations: [...judged.violations, ...wrong, ...ends] };
}

/** The schedule did not come to rest, or a step of it failed. */
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

type Done = { acts: number; jobs: number };
type Play = Scene & { readonly course: Course; readonly losses: Loss[]; readonly done: Done };
/** The share of acts that are work on the streams of the serving side. */
const JOBS = 0.2;

async function play(scene: Play, actors: readonly Actor[], random: Seeded, told: string[]): Promise<void> {
  const { done } = scene;
  const act = async ({ app, link, side, ...writer }: Actor, draw: typeof drawAct) => {
    const id = `${link}-${side}-${++done.acts}`;
    await app.act(id, draw({ ...writer, side }, id, Date.now()));
  };
  const anyAct = () => act(random.pick(actors), drawAct);
  const job = async () => {
    const link = random.pick(scene.world.links);
    const side = await servingOf(scene.world, link);
    const worker = actors.find((actor) => actor.link === link && actor.side === side) as Actor;
    done.jobs++;
    await act(worker, drawJob);
  };
  const turn = () => (random.chance(JOBS) ? job() : anyAct());
  const early = async () => act(random.pick(actors.filter(({ side }) => side === 'source')), drawAct);
  for (let i = random.below(12); i > 0; i--) await (random.chance(JOBS) ? job() : early());
  for (const sync of scene.syncs) sync.start();
  // Only V1's apps act while the syncs start: a key that V2 alone holds when the feed opens does not travel.
  for (let i = random.below(4); i > 0; i--) await early();
  for (const sync of scene.syncs) await sync.reached(random.chance(0.5) ? 'feed open' : 'scanned');
  const { turns, faults } = scene.course;
  const length = turns.least + random.below(turns.spread);
  const faultAt = new Set(Array.from({ length: random.below(faults) }, () => random.below(length)));
  for (let i = 0; i < length; i++) {
    await Promise.all(Array.from({ length: random.pick([1, 1, 1, 2, 4]) }, turn));
    if (random.chance(0.4)) await delay(random.below(5));
    if (random.chance(0.01)) await delay(random.below(300));
    if (faultAt.has(i)) await fault(scene, random, told, turn);
  }
}

/** Which side serves, as the apps of both sides read it. */
function servingOf(world: World, link: string): Promise<Side> {
  const [source, target] = SIDES.map((side) => world.connection(world.storeOf(side, link), 'app'));
  return servingSide({ source, target } as Readonly<Record<Side, Redis>>);
}

type Drawn = { readonly cause: keyof typeof CAUSES; readonly word: Acceptance };
const LOSSES: readonly Drawn[] = (['flushed', 'evicted'] as const).flatMap((cause) =>
  ACCEPTANCES.map((word) => ({ cause, word })),
);
const nameOf = ({ cause, word }: Drawn) => `${cause}, then ${word}`;
/** The names of all faults that may happen in a schedule. */
export const HAPPENINGS = [...Object.keys(FAULTS), ...LOSSES.map(nameOf)];

async function fault(scene: Play, random: Seeded, told: string[], act: () => Promise<void>): Promise<void> {
  const side = random.pick(SIDES);
  // Faults begin when the baseline keys are recorded. An attempt that starts earlier takes all keys of V2 for baseline
  // keys, also those that an app has just written.
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
  // On a shared server an eviction takes a key from both sides. Then no side has it, and there is nothing to decide.
  const possible = LOSSES.filter(({ cause }) => scene.world.topology !== 'shared' || cause !== 'evicted');
  const drawn = random.pick(possible);
  const { cause, word } = drawn;
  told.push(`${nameOf(drawn)} (${side})`);
  const apps = async () => {
    for (let i = random.below(8); i > 0; i--) await act();
  };
  scene.losses.push(...(await loseKeys(scene, side, { cause: CAUSES[cause], word }, apps)));
}

/** Waits until everything has arrived, then reports every state that is written afterwards. */
async function rest({ world, syncs }: Scene): Promise<readonly Violation[]> {
  await settled({ world, syncs });
  return echoesWhile(world, () => world.settle());
}

async function judgeAll(
  world: World,
  actors: readonly Actor[],
  losses: readonly Loss[],
  told: readonly string[],
): Promise<Judged> {
  const leftOpen = isLeftOpen(told);
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
    const { all, jobs } = keysOf(link);
    const restarted = world.restartedOf(link);
    const beside = lost.length > 0 || leftOpen;
    for (const [at, name] of all.entries()) {
      const { source: key } = name;
      const final = { source: sources?.[at] as Seen, target: targets?.[at] as Seen };
      const writes = mine.flatMap(({ app }) => app.writes).filter((write) => write.key === key);
      const journal = losers.filter(({ name }) => name.source === key).map(({ state }) => state);
      const happened = { losses: lossesOf(lost, key), restarted, leftOpen };
      const found = [...judge({ key, writes, final, journal, nowMs, ...happened })];
      const worked = {
        key,
        writes: inOrder(writes),
        final: [final.source, final.target],
        journal,
        beside,
        restarted,
      };
      if (jobs.some(({ source }) => source === key)) found.push(...judgeJobs(worked));
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

function isLeftOpen(told: readonly string[]): boolean {
  return told.some((fault) => fault.startsWith(LEFT_OPEN));
}

/** An act gets its number when it is sent, and its connection keeps the order. */
function inOrder(writes: readonly Write[]): readonly Write[] {
  const numberOf = ({ id }: Write) => Number(id.split('-').at(-1));
  return [...writes].sort((one, other) => numberOf(one) - numberOf(other));
}

function lossesOf(losses: readonly Loss[], key: string): readonly LostState[] {
  return losses.map(({ taken, side, word, fromMs, untilMs }) => {
    return { state: taken.get(key) ?? null, side, word, fromMs, untilMs };
  });
}
