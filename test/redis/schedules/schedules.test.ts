import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FULL, SEED } from '../../lanes/proofs.ts';
import { HAPPENINGS, type Outcome, runSchedule } from './schedule.ts';
import { type Topology, World } from './world.ts';

const SCHEDULES = FULL ? 210 : 30;
/** In this many schedules every fault happens; the rarest ones happen about ten times. */
const ALL_HAPPEN_IN = 200;
const LANES: readonly Topology[] = ['pair', 'valkey', 'split', 'shared', 'mixed'];

const topologyOf = (seed: number): Topology => LANES[seed % LANES.length] ?? 'pair';

describe('random schedules on real servers', () => {
  const worlds: World[] = [];
  beforeAll(async () => {
    for (const topology of LANES) worlds.push(await World.start(topology));
  });
  afterAll(async () => {
    for (const world of worlds) await world.stop();
  });

  test('L2 L3 L4: nothing is lost, resurrected, echoed or in conflict without a cause, whatever dies in between', async ({
    task,
  }) => {
    const first = SEED ?? process.pid * 1_000;
    const seeds = Array.from({ length: SEED === null ? SCHEDULES : 1 }, (_, i) => first + i);
    task.meta.proved = { schedules: seeds.length };
    console.log(`seeds from ${first}`);
    const outcomes: Outcome[] = [];
    const lane = async (world: World, at: number) => {
      for (const seed of seeds.filter(
        (one) => one % LANES.length === at && topologyOf(one) === world.topology,
      ))
        outcomes.push(await runSchedule(world, seed));
    };
    await Promise.all(worlds.map(lane));
    const wrong = outcomes.filter(({ violations }) => violations.length > 0);
    task.meta.seed = wrong[0]?.seed ?? first;
    for (const { seed, faults, story } of wrong)
      console.error(
        `replay: JDAY_SEED=${seed} npx vitest run test/redis/schedules\nfaults: ${faults.join(', ')}\n${story.join('\n')}`,
      );
    expect(wrong.map(({ seed, violations }) => ({ seed, violations }))).toEqual([]);
    expect(outcomes).toHaveLength(seeds.length);
    if (seeds.length < ALL_HAPPEN_IN) return;
    expect(outcomes.reduce((sum, { conflicts }) => sum + conflicts, 0)).toBeGreaterThan(0);
    const happened = outcomes.flatMap(({ faults }) => faults.map((name) => name.replace(/ \(\w+\)$/, '')));
    expect([...new Set(happened)].sort()).toEqual([...HAPPENINGS].sort());
  });
});
