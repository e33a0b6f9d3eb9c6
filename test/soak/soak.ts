/**
 * npm run soak -- --minutes N [--seed S] [--again]: schedules without end, with the sync in processes that are killed -9
 * and stopped. A seed says the topology too. `--again`: that one schedule over and over, as races need. Ctrl-C ends after
 * the schedules that run.
 */
import { parseArgs } from 'node:util';
import { type Fault, FAULTS } from '../redis/schedules/faults.ts';
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
const TOPOLOGIES: readonly Topology[] = ['pair', 'shared', 'split'];
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

const tally = { schedules: 0, ops: 0, faults: 0, kills: 0, conflicts: 0, restarts: 0 };
const violations: (Violation & { readonly seed: number })[] = [];
const count = (...kinds: readonly Violation['what'][]) =>
  violations.filter(({ what }) => kinds.includes(what)).length;

function line(): string {
  const { schedules, ops, faults, kills, restarts, conflicts } = tally;
  return [
    `${new Date().toISOString()} schedules ${schedules}, ops ${ops}, faults ${faults}, kills -9 ${kills}, server restarts ${restarts}, conflicts ${conflicts}`,
    `lost ${count('lost', 'differs')}, resurrected ${count('resurrected', 'foreign')}, echoed ${count('echo')}, unexplained conflicts ${count('conflict')}, stuck ${count('stuck')}`,
  ].join(' · ');
}

async function lane(seedHere: number): Promise<void> {
  const world = await World.start(topologyOf(seedHere));
  const spares = new Spares();
  try {
    const step = values.again ? 0 : TOPOLOGIES.length;
    for (let seed = seedHere; Date.now() < endMs; seed += step) {
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
    await world.stop();
  }
}

function add(
  { seed, acts, faults, conflicts, violations: found, story }: Awaited<ReturnType<typeof runSchedule>>,
  syncs: readonly ChildSync[],
): void {
  tally.schedules++;
  tally.ops += acts;
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
await Promise.all(TOPOLOGIES.map((_topology, at) => lane(values.again ? first : first + at)));
clearInterval(minutely);
console.log(line());
process.exitCode = violations.length === 0 && tally.schedules > 0 ? 0 : 1;
