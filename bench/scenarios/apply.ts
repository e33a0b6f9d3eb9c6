import { assertSame } from '../end-check.ts';
import type { Applied, ApplyInput, CandidateName } from '../processes/apply.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import type { Seed } from '../data-set.ts';
import type { Stage } from '../stage.ts';
import { cpuMs } from '../usage.ts';

const FIGURES = [
  { name: 'keysPerSecond', unit: 'keys/s', better: 'more' },
  { name: 'toolCpuMicrosPerKey', unit: 'µs/key', better: 'less' },
  { name: 'targetCpuMicrosPerKey', unit: 'µs/key', better: 'less' },
  { name: 'echoesPerKey', unit: '1', better: 'less' },
] as const;

/** The most keys in a call of the engine. */
const BATCHES = [64];

/** Compares ways to write a batch. Each of them reads the source in the same plain way, and has one batch in flight. */
export function applyScenarios(sizes: Sizes): readonly Scenario[] {
  return BATCHES.map((batch) => {
    const seed: Seed = { keys: Math.min(sizes.keys, 100_000), form: 'offers' };
    const contender = (name: string, candidate: CandidateName) => ({
      name,
      run: (stage: Stage) => apply(stage, seed, candidate, batch),
    });
    return {
      name: `apply-${batch}`,
      group: 'apply',
      question: `writing ${seed.keys} keys in batches of ${batch}`,
      figures: FIGURES,
      deadlineMs: 60_000 + seed.keys,
      contenders: [
        contender('jday', 'engine'),
        contender('blind pipeline', 'blindPipeline'),
        contender('WATCH and MULTI', 'watchAndMulti'),
        contender('lease and RESTORE', 'leaseAndRestore'),
      ],
    };
  });
}

async function apply(stage: Stage, seed: Seed, candidate: CandidateName, batch: number): Promise<Figures> {
  const { source, target } = await stage.pair(seed, null);
  const writer = stage.process<ApplyInput, never, Applied>('apply');
  await writer.ready;
  const before = { tool: cpuMs(writer.pid), target: cpuMs(target.server.pid) };
  const began = performance.now();
  writer.begin({ source: source.server.url(), target: target.server.url(), candidate, batch });
  const { echoes } = await writer.result;
  const seconds = (performance.now() - began) / 1_000;
  const perKey = (ms: number) => (ms * 1_000) / seed.keys;
  const figures = {
    keysPerSecond: seed.keys / seconds,
    toolCpuMicrosPerKey: perKey(cpuMs(writer.pid) - before.tool),
    targetCpuMicrosPerKey: perKey(cpuMs(target.server.pid) - before.target),
    echoesPerKey: echoes / seed.keys,
  };
  await assertSame(source.redis, target.redis, 'same');
  return figures;
}
