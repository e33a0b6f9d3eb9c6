import { begin, claimForBench, endSync, openSync, settled } from '../contenders/jday.ts';
import { caughtUp, replicate } from '../contenders/native.ts';
import { findRedisShake, startRedisShake } from '../contenders/redis-shake.ts';
import { assertSame } from '../end-check.ts';
import { lagOf, type LoadOptions, probeFloor, runLoad, sameSize } from '../load.ts';
import { benchPlan } from '../plan.ts';
import type { Contender, Figures, Scenario, Sizes } from '../scenario.ts';
import { cpuOfServers, type Stage, type StagedServer } from '../stage.ts';
import { cpuMs } from '../usage.ts';

const FIGURES = [
  { name: 'p50Ms', unit: 'ms', better: 'less' },
  { name: 'p99Ms', unit: 'ms', better: 'less' },
  { name: 'maxMs', unit: 'ms', better: 'less' },
  { name: 'writesPerSecond', unit: 'writes/s', better: 'more' },
  { name: 'toolCpuMicrosPerWrite', unit: 'µs/write', better: 'less' },
  { name: 'serversCpuMicrosPerWrite', unit: 'µs/write', better: 'less' },
  { name: 'probeFloorMs', unit: 'ms', better: 'less' },
] as const;

const RATES = [1_000, 5_000, 10_000, 20_000];
/** How many keys change: about as many as a busy cache changes in an hour, not the whole data set. */
const HOT_KEYS = 30_000;

type Course = { readonly sizes: Sizes; readonly rate: number; readonly ways: 'one' | 'both' };

/** The lag of a change, seen from outside, at different rates. Our sync always replicates in both directions. */
export function lagScenarios(sizes: Sizes): readonly Scenario[] {
  const rates = sizes.quick ? [300] : RATES;
  return rates.flatMap((rate) => [lagAt({ sizes, rate, ways: 'one' }), lagAt({ sizes, rate, ways: 'both' })]);
}

function lagAt(course: Course): Scenario {
  const { sizes, rate, ways } = course;
  const shake = findRedisShake();
  const oneWay: readonly Contender[] = [
    { name: 'native', run: (stage) => native(stage, course) },
    ...(shake ? [redisShake(shake, course)] : []),
  ];
  return {
    name: ways === 'one' ? `lag-${rate}` : `lag-both-${rate}`,
    group: 'lag',
    question: `lag at ${rate} writes/s, ${ways === 'one' ? 'all on the source' : 'half of them on each side'}`,
    figures: FIGURES,
    deadlineMs: 90_000 + sizes.seconds * 1_000,
    contenders: [{ name: 'jday', run: (stage) => jday(stage, course) }, ...(ways === 'one' ? oneWay : [])],
  };
}

async function jday(stage: Stage, course: Course): Promise<Figures> {
  const { source, target } = await stage.pair(seedOf(course), null);
  await claimForBench(source, target);
  const sync = await openSync(stage);
  begin(sync, benchPlan('none'), source, target);
  await settled(sync);
  const figures = await measure(stage, course, source, target, sync.pid);
  await assertSame(source.redis, target.redis, 'same');
  await endSync(stage, sync);
  return figures;
}

async function native(stage: Stage, course: Course): Promise<Figures> {
  const { source, target } = await stage.pair(seedOf(course), null);
  await replicate(source, target);
  const figures = await measure(stage, course, source, target, null);
  await caughtUp(source, target);
  await assertSame(source.redis, target.redis, 'same');
  return figures;
}

function redisShake(program: string, course: Course): Contender {
  return {
    name: 'redis-shake',
    run: async (stage) => {
      const { source, target } = await stage.pair(seedOf(course), null);
      const shake = startRedisShake(program, stage, 'sync', source, target);
      await sameSize(source, target);
      const figures = await measure(stage, course, source, target, shake.pid);
      await assertSame(source.redis, target.redis, 'same');
      return figures;
    },
  };
}

function seedOf({ sizes }: Course) {
  return { keys: Math.min(sizes.keys, HOT_KEYS), form: 'offers' } as const;
}

async function measure(
  stage: Stage,
  course: Course,
  source: StagedServer,
  target: StagedServer,
  tool: number | null,
): Promise<Figures> {
  const { sizes, rate, ways } = course;
  const probeFloorMs = await probeFloor(stage, source, sizes.quick ? 0.2 : 1);
  const load: LoadOptions = {
    source,
    target,
    ways,
    writesPerSecond: rate,
    keys: seedOf(course).keys,
    seconds: sizes.seconds,
    warmUpSeconds: sizes.quick ? 0 : 2,
  };
  const [serversBefore, toolBefore] = [cpuOfServers(source, target), tool === null ? NaN : cpuMs(tool)];
  const { markers, writesPerSecond } = await runLoad(stage, load);
  const writes = writesPerSecond * (load.warmUpSeconds + load.seconds + 0.5);
  const perWrite = (ms: number) => (ms * 1_000) / writes;
  return {
    ...lagOf(markers),
    writesPerSecond,
    ...(tool === null ? {} : { toolCpuMicrosPerWrite: perWrite(cpuMs(tool) - toolBefore) }),
    serversCpuMicrosPerWrite: perWrite(cpuOfServers(source, target) - serversBefore),
    probeFloorMs,
  };
}
