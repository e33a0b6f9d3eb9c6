/**
 * `npm run soak -- --minutes N [--seed S] [--again]` runs random schedules. Each sync has a process of its own, which
 * is killed with `kill -9` and stopped. The seed also decides the topology. `--again` repeats the one schedule of the
 * seed, because a race may not show in each run. After Ctrl-C the running schedules end, and no new one starts.
 */
import { parseArgs } from 'node:util';
import { type Fault, FAULTS, SWITCHED } from '../redis/schedules/faults.ts';
import type { Violation } from '../redis/schedules/judge.ts';
import { type Course, runSchedule } from '../redis/schedules/schedule.ts';
import { type Topology, World } from '../redis/schedules/world.ts';
import { ChildSync, Spares } from './child-sync.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    again: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
let endMs = Date.now() + Number(values.minutes) * 60_000;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (endMs = 0));
const TOPOLOGIES: readonly Topology[] = ['pair', 'shared', 'split', 'mixed', 'valkey', 'back'];
const LANES = 3;
const topologyOf = (seed: number) => TOPOLOGIES[seed % TOPOLOGIES.length] as Topology;

const stopped: Fault = async ({ syncs }) => {
  for (const sync of syncs)
    if (sync instanceof ChildSync)
      await sync.stopped(async () => {
        sync.start();
        await sync.reached('scanned');
      });
};
const REPERTORY = { ...FAULTS, 'process stopped, replaced, woken': stopped };

const tally = { schedules: 0, ops: 0, jobs: 0, switches: 0, faults: 0, kills: 0, conflicts: 0, restarts: 0 };
const violations: (Violation & { readonly seed: number })[] = [];
const count = (...kinds: readonly Violation['what'][]) =>
  violations.filter(({ what }) => kinds.includes(what)).length;

function line(): string {
  const { schedules, ops, jobs, faults, switches, kills, restarts, conflicts } = tally;
  return [
    `${new Date().toISOString()} schedules ${schedules}, ops ${ops}, on streams with groups ${jobs}, faults ${faults}, switches ${switches}, kills -9 ${kills}, server restarts ${restarts}, conflicts ${conflicts}`,
    `lost ${count('lost', 'differs')}, resurrected ${count('resurrected', 'foreign')}, handed again ${count('handed again')}, echoed ${count('echo')}, unexplained conflicts ${count('conflict')}, stuck ${count('stuck')}`,
  ].join(' · ');
}

async function lane(seedHere: number): Promise<void> {
  const worlds = new Map<Topology, World>();
  const worldOf = async (topology: Topology) => {
    const world = worlds.get(topology) ?? (await World.start(topology));
    worlds.set(topology, world);
    return world;
  };
  const spares = new Spares();
  try {
    const step = values.again ? 0 : LANES;
    for (let seed = seedHere; Date.now() < endMs; seed += step) {
      const world = await worldOf(topologyOf(seed));
      const syncs: ChildSync[] = [];
      const syncOf: Course['syncOf'] = (_world, shard) => {
        const sync = new ChildSync(world, shard, spares);
        syncs.push(sync);
        return sync;
      };
      const outcome = await runSchedule(world, seed, {
        turns: { least: 50, spread: 200 },
        faults: 8,
        repertory: REPERTORY,
        syncOf,
      });
      add(outcome, syncs);
    }
  } finally {
    await spares.close();
    for (const world of worlds.values()) await world.stop();
  }
}

function add(
  { seed, acts, jobs, faults, conflicts, violations: found, story }: Awaited<ReturnType<typeof runSchedule>>,
  syncs: readonly ChildSync[],
): void {
  tally.schedules++;
  tally.ops += acts;
  tally.jobs += jobs;
  tally.switches += faults.filter((name) => name.startsWith(SWITCHED)).length;
  tally.faults += faults.length;
  tally.kills += syncs.reduce((sum, sync) => sum + sync.kills, 0);
  tally.restarts += faults.filter((name) => name.startsWith('server restarted')).length;
  tally.conflicts += conflicts;
  violations.push(...found.map((one) => ({ ...one, seed })));
  if (found.length > 0)
    console.error(
      [
        `replay: npm run soak -- --minutes 5 --seed ${seed} --again\nfaults: ${faults.join(', ')}`,
        ...found.map((one) => JSON.stringify(one)),
        ...story,
      ].join('\n'),
    );
}

console.log(`seed ${values.seed}, ${values.minutes} min`);
const minutely = setInterval(() => console.log(line()), 60_000);
await Promise.all(Array.from({ length: LANES }, (_, at) => lane(values.again ? first : first + at)));
clearInterval(minutely);
console.log(line());
process.exitCode = violations.length === 0 && tally.schedules > 0 ? 0 : 1;
