import { Arrival } from '../load.ts';
import { begin, claimForBench, endSync, openSync, settled } from '../contenders/jday.ts';
import { replicate } from '../contenders/native.ts';
import { findRedisShake, startRedisShake } from '../contenders/redis-shake.ts';
import type { Seed } from '../data-set.ts';
import { assertSame } from '../end-check.ts';
import { benchPlan, type Transform } from '../plan.ts';
import type { PipelineCopyInput } from '../processes/pipeline-copy.ts';
import type { Contender, Figures, Scenario, Sizes } from '../scenario.ts';
import { cpuOfServers, type Stage, type StagedServer } from '../stage.ts';
import { cpuMs, peakMemoryMb } from '../usage.ts';

const FIGURES = [
  { name: 'keysPerSecond', unit: 'keys/s', better: 'more' },
  { name: 'toolCpuMicrosPerKey', unit: 'µs/key', better: 'less' },
  { name: 'serversCpuMicrosPerKey', unit: 'µs/key', better: 'less' },
  { name: 'toolPeakMb', unit: 'MB', better: 'less' },
] as const;

/** The initial copy of a server with mixed types into an empty one. Ours includes ledger and change feed. */
export function copyScenarios(sizes: Sizes): readonly Scenario[] {
  const scaled = sizes.quick ? [] : [1_000_000];
  return [
    copyOf('copy', 'copy', sizes.keys, 'none'),
    copyOf('copy-transform', 'copy-transform', sizes.keys, 'offers_to_jobs'),
    ...scaled.map((keys) => copyOf(`size-${keys}`, 'size', keys, 'none')),
  ];
}

function copyOf(name: string, group: string, keys: number, transform: Transform): Scenario {
  const seed: Seed = { keys, form: 'offers' };
  const shake = findRedisShake();
  const peers: readonly Contender[] = [
    { name: 'native', run: (stage) => native(stage, seed) },
    { name: 'pipelines', run: (stage) => pipelines(stage, seed) },
    ...(shake ? [redisShake(shake, seed)] : []),
  ];
  return {
    name,
    group,
    question: `copy of ${keys} keys${transform === 'none' ? '' : ' through the transform'}, target empty`,
    figures: FIGURES,
    deadlineMs: 60_000 + keys,
    contenders: [
      { name: 'jday', run: (stage) => jday(stage, seed, transform) },
      ...(group === 'size' ? [] : peers),
    ],
  };
}

async function jday(stage: Stage, seed: Seed, transform: Transform): Promise<Figures> {
  const { source, target } = await stage.pair(seed, null);
  await claimForBench(source, target);
  const sync = await openSync(stage);
  const measured = measure(seed, source, target, sync.pid);
  begin(sync, benchPlan(transform), source, target);
  await settled(sync);
  const figures = await measured();
  await assertSame(source.redis, target.redis, transform === 'none' ? 'same' : 'offers become jobs');
  await endSync(stage, sync);
  return figures;
}

async function native(stage: Stage, seed: Seed): Promise<Figures> {
  const { source, target } = await stage.pair(seed, null);
  const measured = measure(seed, source, target, null);
  await replicate(source, target);
  const figures = await measured();
  await assertSame(source.redis, target.redis, 'same');
  return figures;
}

async function pipelines(stage: Stage, seed: Seed): Promise<Figures> {
  const { source, target } = await stage.pair(seed, null);
  const copy = stage.process<PipelineCopyInput, never, null>('pipeline-copy');
  await copy.ready;
  const measured = measure(seed, source, target, copy.pid);
  copy.begin({ source: source.server.url(), target: target.server.url() });
  await copy.result;
  const figures = await measured();
  await assertSame(source.redis, target.redis, 'same');
  return figures;
}

function redisShake(program: string, seed: Seed): Contender {
  return {
    name: 'redis-shake',
    run: async (stage) => {
      const { source, target } = await stage.pair(seed, null);
      const shake = startRedisShake(program, stage, 'scan', source, target);
      const measured = measure(seed, source, target, null);
      // Its CPU and memory cannot be read after its end, so only the time is compared.
      await shake.exited;
      const figures = await measured();
      await assertSame(source.redis, target.redis, 'same');
      return figures;
    },
  };
}

/**
 * Begins to measure how fast the target fills and what this costs, seen from outside.
 *
 * @param tool pid of the process that copies; `null` = there is none that can be measured
 */
function measure(
  { keys }: Seed,
  source: StagedServer,
  target: StagedServer,
  tool: number | null,
): () => Promise<Figures> {
  const [serversBefore, toolBefore] = [cpuOfServers(source, target), tool === null ? 0 : cpuMs(tool)];
  const arrival = new Arrival(target.redis);
  const began = performance.now();
  return async () => {
    const seconds = ((await arrival.filledAt()) - began) / 1_000;
    const perKey = (ms: number) => (ms * 1_000) / keys;
    return {
      keysPerSecond: keys / seconds,
      serversCpuMicrosPerKey: perKey(cpuOfServers(source, target) - serversBefore),
      ...(tool === null
        ? {}
        : { toolCpuMicrosPerKey: perKey(cpuMs(tool) - toolBefore), toolPeakMb: peakMemoryMb(tool) }),
    };
  };
}
