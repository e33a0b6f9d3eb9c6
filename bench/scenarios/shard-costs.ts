import { setTimeout as delay } from 'node:timers/promises';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { shardsOfPlan } from '../../domain/keys/shard.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { claimForBench } from '../contenders/jday.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { benchPlan, benchEnvironment } from '../plan.ts';
import type { ShardsInput } from '../processes/shards.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import { cpuOfServers, type Stage, type StagedServer } from '../stage.ts';
import { until } from '../until.ts';
import { cpuMs } from '../usage.ts';

const FIGURES = [
  { name: 'serverCpuMicrosPerScannedKey', unit: 'µs/key', better: 'less' },
  { name: 'workerCpuMicrosPerScannedKey', unit: 'µs/key', better: 'less' },
  { name: 'serverCpuMicrosPerEvent', unit: 'µs/event', better: 'less' },
  { name: 'workerCpuMicrosPerEvent', unit: 'µs/event', better: 'less' },
] as const;

const OF = 64;
const MOST_KEYS = 200_000;

/**
 * What the keys of other shards cost a shard. One of 64 shards walks over all keys. Then each of them changes once, and
 * the shard receives all these events.
 */
export function shardCostScenarios(sizes: Sizes): readonly Scenario[] {
  const keys = Math.min(sizes.keys, MOST_KEYS);
  return [
    {
      name: 'shard-costs',
      group: 'shards',
      question: `what one shard of ${OF} pays for ${keys} keys of the link, of which it owns ${Math.round(keys / OF)}`,
      figures: FIGURES,
      deadlineMs: 120_000,
      contenders: [
        { name: 'jday', run: (stage) => run(stage, keys, true) },
        { name: 'no-shard', run: (stage) => run(stage, keys, false) },
      ],
    },
  ];
}

async function run(stage: Stage, keys: number, withShard: boolean): Promise<Figures> {
  const [source, target] = [await stage.server('source', null), await stage.server('target', null)];
  await claimForBench(source, target);
  await writeAll(source, keys, 'before');
  const plan = { ...benchPlan('none'), shards: OF };
  const [name = ''] = shardsOfPlan(plan).map((shard) => shard.name);
  const worker = stage.process<ShardsInput, LinkStatus, null>('shards');
  await worker.ready;
  const cpu = () => ({ server: cpuOfServers(source), worker: cpuMs(worker.pid) });
  const begun = cpu();
  if (withShard) {
    worker.begin({ plan, environment: benchEnvironment(source, target), shards: [name] });
    await until('the shard to be live', () => worker.said.some(({ state }) => state === 'live'));
  }
  const scanned = cpu();
  await writeAll(source, keys, 'after');
  if (withShard) await heard(target, keyspaceOf(plan.migration).status(name));
  const changed = cpu();
  const micros = (ms: number) => (ms * 1_000) / keys;
  if (withShard) await worker.stop();
  return {
    serverCpuMicrosPerScannedKey: micros(scanned.server - begun.server),
    workerCpuMicrosPerScannedKey: micros(scanned.worker - begun.worker),
    serverCpuMicrosPerEvent: micros(changed.server - scanned.server),
    workerCpuMicrosPerEvent: micros(changed.worker - scanned.worker),
  };
}

async function writeAll({ redis }: StagedServer, keys: number, text: string): Promise<void> {
  const value = text.padEnd(100, '.');
  for (let from = 0; from < keys; from += 1_000) {
    const pipeline = redis.pipeline();
    for (let n = from; n < Math.min(from + 1_000, keys); n++) pipeline.set(`${KEY_PREFIX}${n}`, value);
    await pipeline.exec();
  }
}

/** Resolves after two statuses without a pending key. By then the shard has handled all events from before. */
async function heard({ redis }: StagedServer, key: string): Promise<void> {
  const quiet = async () => {
    const status = JSON.parse((await redis.get(key)) ?? '{}') as Partial<LinkStatus>;
    const [moment] = Object.values(status.moments ?? {});
    return status.pending?.toTarget === 0 ? moment?.word : undefined;
  };
  const first = await until('nothing to wait', quiet);
  await until('the next status', async () => {
    await delay(100);
    return ((await quiet()) ?? 0) > first;
  });
}
