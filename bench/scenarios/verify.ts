import type { AllVerified } from '../../redis/verify/verifier.ts';
import { Differs } from '../end-check.ts';
import { benchPlan, benchEnvironment } from '../plan.ts';
import type { PlainVerifyInput } from '../processes/plain-verify.ts';
import type { VerifierInput } from '../processes/verifier.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import { cpuOfServers, type Stage, type StagedServer } from '../stage.ts';
import { profiling, reportProfile } from '../profile.ts';
import { cpuMs, peakMemoryMb } from '../usage.ts';

const FIGURES = [
  { name: 'keysPerSecond', unit: 'keys/s', better: 'more' },
  { name: 'toolCpuMicrosPerKey', unit: 'µs/key', better: 'less' },
  { name: 'serversCpuMicrosPerKey', unit: 'µs/key', better: 'less' },
  { name: 'toolPeakMb', unit: 'MB', better: 'less' },
] as const;

/**
 * Compares both sides completely. Ours goes through the transform, checks expiries and works in both directions. The
 * plain comparison does none of this and works in one direction.
 */
export function verifyScenarios({ keys }: Sizes): readonly Scenario[] {
  return [
    {
      name: 'verify',
      group: 'verify',
      question: `full comparison of ${keys} equal keys; ours through the transform, with expiry, both ways`,
      figures: FIGURES,
      deadlineMs: 60_000 + keys,
      contenders: [
        { name: 'jday', run: (stage) => jday(stage, keys) },
        { name: 'pipelines', run: (stage) => pipelines(stage, keys) },
      ],
    },
  ];
}

async function jday(stage: Stage, keys: number): Promise<Figures> {
  const { source, target } = await stage.pair({ keys, form: 'offers' }, { keys, form: 'jobs' });
  const verifier = stage.process<VerifierInput, never, AllVerified>('verifier', profiling(stage));
  await verifier.ready;
  const input = { plan: benchPlan('offers_to_jobs'), environment: benchEnvironment(source, target) };
  const figures = await measure(verifier.pid, [source, target], keys, () => {
    verifier.begin(input);
    return verifier.result;
  });
  verifier.letGo();
  await reportProfile(stage);
  return figures;
}

async function pipelines(stage: Stage, keys: number): Promise<Figures> {
  const { source, target } = await stage.pair({ keys, form: 'offers' }, { keys, form: 'offers' });
  const verifier = stage.process<PlainVerifyInput, never, AllVerified>('plain-verify');
  await verifier.ready;
  return measure(verifier.pid, [source, target], keys, () => {
    verifier.begin({ source: source.server.url(), target: target.server.url() });
    return verifier.result;
  });
}

async function measure(
  pid: number,
  servers: readonly StagedServer[],
  keys: number,
  run: () => Promise<AllVerified>,
): Promise<Figures> {
  const [began, cpuBefore, serversBefore] = [performance.now(), cpuMs(pid), cpuOfServers(...servers)];
  const { compared, diverged } = await run();
  const seconds = (performance.now() - began) / 1_000;
  if (compared !== keys || diverged > 0)
    throw new Differs(`compared ${compared} of ${keys}, ${diverged} differ`);
  return {
    keysPerSecond: keys / seconds,
    toolCpuMicrosPerKey: ((cpuMs(pid) - cpuBefore) * 1_000) / keys,
    serversCpuMicrosPerKey: ((cpuOfServers(...servers) - serversBefore) * 1_000) / keys,
    toolPeakMb: peakMemoryMb(pid),
  };
}
