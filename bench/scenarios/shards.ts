import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../domain/keys/shard.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { drainLinks } from '../../redis/cutover/request-drain.ts';
import type { BenchProcess } from '../bench-process.ts';
import { claimForBench } from '../contenders/jday.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { Differs } from '../end-check.ts';
import { benchPlan, benchEnvironment, type Transform } from '../plan.ts';
import type { ShardsInput } from '../processes/shards.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import { cpuOfServers, type Stage, type StagedServer } from '../stage.ts';
import { until } from '../until.ts';
import { cpuMs } from '../usage.ts';
import { setTimeout as delay } from 'node:timers/promises';

const FIGURES = [
  { name: 'changesPerSecond', unit: 'changes/s', better: 'more' },
  { name: 'workersCpuMicrosPerChange', unit: 'µs/change', better: 'less' },
  { name: 'serversCpuMicrosPerChange', unit: 'µs/change', better: 'less' },
] as const;

/** The version of the values whose replication is measured. */
const LAST = 3;

type Workers = BenchProcess<ShardsInput, LinkStatus, null>;
type Crew = { readonly name: string; readonly workers: number; readonly shards: number };
type Change = {
  readonly name: string;
  readonly what: string;
  readonly transform: Transform;
  readonly most: number;
  /** The share of a core that each worker may use, 0 to 1. */
  readonly share: number;
  /** The value of a key on a side. Each version gives a different value. */
  readonly value: (n: number, side: 'source' | 'target', version: number) => string;
};

const CREWS: readonly Crew[] = [
  { name: 'two-workers-4-shards', workers: 2, shards: 4 },
  { name: 'one-worker-4-shards', workers: 1, shards: 4 },
  { name: 'one-worker-1-shard', workers: 1, shards: 1 },
];

/** JSON of 8 KB with names that the transform changes. Here the worker has more to do than the servers. */
const DOCUMENTS: Change = {
  name: 'shards-documents',
  what: 'documents of 8 KB through the transform',
  transform: 'offers_to_jobs',
  most: 12_000,
  share: 0.25,
  value: (n, side, version) => {
    const list = side === 'source' ? 'offers' : 'jobs';
    const text = `${version}:${n}`.padEnd(300, '.');
    const elements = Array.from({ length: 25 }, (_element, i) => ({ id: n + i, text }));
    return JSON.stringify({ candidate: n, [list]: elements });
  },
};

/** The same without a limit. It shows what a second worker gains when no core is free for it. */
const TWO_CORES: Change = { ...DOCUMENTS, name: 'shards-two-cores', share: 1 };

/**
 * How fast a link replicates a backlog with different numbers of workers and shards. The backlog grows while the
 * workers stand still.
 */
export function shardsScenarios(sizes: Sizes): readonly Scenario[] {
  return [DOCUMENTS, TWO_CORES].map((change) => ({
    name: change.name,
    group: 'shards',
    question: `a backlog of ${change.what}, ${change.share * 100} % of a core for each worker: changes/s by workers and shards`,
    figures: FIGURES,
    deadlineMs: 120_000,
    contenders: CREWS.map((crew) => ({ name: crew.name, run: (stage) => run(stage, sizes, change, crew) })),
  }));
}

async function run(stage: Stage, sizes: Sizes, change: Change, crew: Crew): Promise<Figures> {
  const keys = Math.min(sizes.keys, change.most);
  const [source, target] = [await stage.server('source', null), await stage.server('target', null)];
  await claimForBench(source, target);
  const plan: Plan = { ...benchPlan(change.transform), shards: crew.shards };
  const workers = await startCrew(stage, plan, crew, source, target);
  const cpu = () => workers.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
  const keyspace = keyspaceOf(plan.migration);
  const drained = () =>
    drainLinks(target.redis, keyspace, linksOf(plan), 'source', performance.now() + 100_000);
  // A new process uses more time to compile its code than to replicate. So these two rounds are not measured.
  for (const version of [1, 2]) {
    await writeAll(source, keys, change, version);
    await drained();
  }
  // The writer would take CPU time from the workers. So they are stopped until the backlog is complete.
  for (const { pid } of workers) process.kill(pid, 'SIGSTOP');
  await writeAll(source, keys, change, LAST);
  const before = { workers: cpu(), servers: cpuOfServers(source, target), at: performance.now() };
  const pids = workers.map(({ pid }) => pid);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  const letGo = change.share < 1 ? leash(pids, change.share) : () => Promise.resolve();
  await drained();
  const seconds = (performance.now() - before.at) / 1_000;
  await letGo();
  const micros = (ms: number) => (ms * 1_000) / keys;
  const figures = {
    changesPerSecond: keys / seconds,
    workersCpuMicrosPerChange: micros(cpu() - before.workers),
    serversCpuMicrosPerChange: micros(cpuOfServers(source, target) - before.servers),
  };
  await assertArrived(target, keys, change);
  for (const worker of workers) await worker.stop();
  return figures;
}

async function startCrew(
  stage: Stage,
  plan: Plan,
  crew: Crew,
  source: StagedServer,
  target: StagedServer,
): Promise<readonly Workers[]> {
  const names = shardsOfPlan(plan).map(({ name }) => name);
  const workers = Array.from({ length: crew.workers }, () =>
    stage.process<ShardsInput, LinkStatus, null>('shards'),
  );
  await Promise.all(workers.map(({ ready }) => ready));
  for (const [i, worker] of workers.entries()) {
    const shards = names.filter((_name, n) => n % crew.workers === i);
    worker.begin({ plan, environment: benchEnvironment(source, target), shards });
  }
  await until('all shards to be live', () => {
    const live = workers.flatMap(({ said }) => said).filter(({ state }) => state === 'live');
    return new Set(live.map(({ shard }) => shard)).size === names.length;
  });
  return workers;
}

async function writeAll(
  { redis }: StagedServer,
  keys: number,
  { value }: Change,
  version: number,
): Promise<void> {
  for (let from = 0; from < keys; from += 500) {
    const pipeline = redis.pipeline();
    for (let n = from; n < Math.min(from + 500, keys); n++)
      pipeline.set(`${KEY_PREFIX}${n}`, value(n, 'source', version));
    await pipeline.exec();
  }
}

/**
 * Compares every change with the value that `Change.value` gives for the target. The transform that is measured is not
 * used.
 */
async function assertArrived({ redis }: StagedServer, keys: number, { value }: Change): Promise<void> {
  for (let from = 0; from < keys; from += 500) {
    const names = Array.from({ length: Math.min(500, keys - from) }, (_name, i) => from + i);
    const found = await redis.mget(names.map((n) => `${KEY_PREFIX}${n}`));
    const differing = names.filter((n, i) => found[i] !== value(n, 'target', LAST));
    if (differing.length > 0) throw new Differs(`${differing.length} changes did not arrive as they should`);
  }
}

const PERIOD_MS = 10;

/**
 * Limits each process to a share of a core, as if it had a small machine of its own. It stops and continues each
 * process a hundred times a second, at different moments. So several workers can be measured on two cores that they
 * share with the servers.
 *
 * @param share of a core, 0 to 1
 * @returns ends the limit
 */
function leash(pids: readonly number[], share: number): () => Promise<void> {
  let held = true;
  const turns = pids.map(async (pid, i) => {
    await delay((PERIOD_MS * i) / pids.length);
    while (held) {
      process.kill(pid, 'SIGCONT');
      await delay(PERIOD_MS * share);
      process.kill(pid, 'SIGSTOP');
      await delay(PERIOD_MS * (1 - share));
    }
    process.kill(pid, 'SIGCONT');
  });
  return async () => {
    held = false;
    await Promise.all(turns);
  };
}
