import { setTimeout as delay } from 'node:timers/promises';
import { infoNumber } from '../connection.ts';
import { begin, claimForBench, endSync, openSync, settled } from '../contenders/jday.ts';
import { replicate } from '../contenders/native.ts';
import { assertSame } from '../end-check.ts';
import { benchPlan } from '../plan.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import type { Stage, StagedServer } from '../stage.ts';

const FIGURES = [
  { name: 'changesPerSecond', unit: 'changes/s', better: 'less' },
  { name: 'streamBytesPerSecond', unit: 'B/s', better: 'less' },
] as const;

const IDLE_KEYS = 10_000;

/** Counts the writes on both servers while no app writes: our heartbeats and statuses, and any echo. */
export function idleScenarios(sizes: Sizes): readonly Scenario[] {
  const seed = { keys: Math.min(sizes.keys, IDLE_KEYS), form: 'offers' } as const;
  return [
    {
      name: 'idle',
      group: 'idle',
      question: `${seed.keys} keys in sync and nobody writes, both servers together`,
      figures: FIGURES,
      deadlineMs: 60_000 + sizes.seconds * 1_000,
      contenders: [
        { name: 'jday', run: (stage) => jday(stage, seed, sizes) },
        { name: 'native', run: (stage) => native(stage, seed, sizes) },
      ],
    },
  ];
}

type IdleSeed = { readonly keys: number; readonly form: 'offers' };

async function jday(stage: Stage, seed: IdleSeed, sizes: Sizes): Promise<Figures> {
  const { source, target } = await stage.pair(seed, null);
  await claimForBench(source, target);
  const sync = await openSync(stage);
  begin(sync, benchPlan('none'), source, target);
  await settled(sync);
  await assertSame(source.redis, target.redis, 'same');
  const figures = await watch(stage, [source, target], sizes.seconds);
  await assertSame(source.redis, target.redis, 'same');
  await endSync(stage, sync);
  return figures;
}

async function native(stage: Stage, seed: IdleSeed, sizes: Sizes): Promise<Figures> {
  const { source, target } = await stage.pair(seed, null);
  await replicate(source, target);
  const figures = await watch(stage, [source], sizes.seconds);
  await assertSame(source.redis, target.redis, 'same');
  return figures;
}

/** A server counts the bytes of its replication stream only while it has a replica. So each watched server gets one. */
async function watch(stage: Stage, servers: readonly StagedServer[], seconds: number): Promise<Figures> {
  for (const [i, server] of servers.entries())
    await replicate(server, await stage.server(`listener-${i}`, null));
  const read = (field: string, section: string) =>
    Promise.all(servers.map(({ redis }) => infoNumber(redis, section, field)));
  const look = async () => ({
    changes: sum(await read('rdb_changes_since_last_save', 'persistence')),
    bytes: sum(await read('master_repl_offset', 'replication')),
    at: performance.now(),
  });
  const before = await look();
  await delay(seconds * 1_000);
  const after = await look();
  const elapsed = (after.at - before.at) / 1_000;
  return {
    changesPerSecond: (after.changes - before.changes) / elapsed,
    streamBytesPerSecond: (after.bytes - before.bytes) / elapsed,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
