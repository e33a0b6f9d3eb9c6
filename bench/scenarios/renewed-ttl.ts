import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { begin, claimForBench, endSync, live, openSync } from '../contenders/jday.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { Differs } from '../end-check.ts';
import { snapshotAndStream } from '../contenders/stream-peer.ts';
import { benchPlan } from '../plan.ts';
import type { RenewerInput } from '../processes/renewer.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import type { Stage, StagedServer } from '../stage.ts';
import { until } from '../until.ts';

const PREFIX = `${KEY_PREFIX}text:session-`;
/** How long a missing key may be on its way. A key that is missing for longer is lost. */
const PATIENCE_MS = 5_000;

type Course = Omit<RenewerInput, 'url' | 'prefix'> & { readonly keysPerSecond: number };

/** Sessions whose expiry is renewed all the time, while a slow copy takes longer than the expiry. */
export function renewedTtlScenarios({ quick }: Sizes): readonly Scenario[] {
  const course: Course = quick
    ? { keys: 300, ttlMs: 1_500, everyMs: 750, keysPerSecond: 150 }
    : { keys: 10_000, ttlMs: 3_000, everyMs: 2_000, keysPerSecond: 1_000 };
  const { keys, ttlMs, everyMs, keysPerSecond } = course;
  return [
    {
      name: 'renewed-ttl',
      group: 'renewed-ttl',
      question: `${keys} keys of ${ttlMs / 1_000} s, each renewed every ${everyMs / 1_000} s, during a copy of ${keys / keysPerSecond} s`,
      figures: [
        { name: 'lostKeys', unit: 'sessions', better: 'less' },
        { name: 'liveKeys', unit: 'sessions', better: 'more' },
      ],
      deadlineMs: 90_000,
      contenders: [
        { name: 'jday', run: (stage) => jday(stage, course) },
        { name: 'snapshot-and-stream', run: (stage) => theirs(stage, course) },
      ],
    },
  ];
}

async function jday(stage: Stage, course: Course): Promise<Figures> {
  const { source, target, renewer } = await renewed(stage, course);
  await claimForBench(source, target);
  const sync = await openSync(stage);
  begin(sync, benchPlan('none', { copyKeysPerSecond: course.keysPerSecond }), source, target);
  await live(sync);
  const figures = await count(source, target, course.keys);
  await renewer.stop();
  await endSync(stage, sync);
  return figures;
}

async function theirs(stage: Stage, { keysPerSecond, ...course }: Course): Promise<Figures> {
  const { source, target, renewer } = await renewed(stage, { ...course, keysPerSecond });
  const stop = new AbortController();
  const copying = snapshotAndStream({
    source: source.redis,
    port: source.server.port,
    target: target.redis,
    prefix: PREFIX,
    keysPerSecond,
    signal: stop.signal,
  });
  await delay((course.keys / keysPerSecond) * 1_000);
  const figures = await count(source, target, course.keys);
  await renewer.stop();
  stop.abort();
  await copying;
  return figures;
}

async function renewed(stage: Stage, course: Course) {
  const [source, target] = [await stage.server('source', null), await stage.server('target', null)];
  const renewer = stage.process<RenewerInput, 'filled', null>('renewer');
  await renewer.ready;
  renewer.begin({ ...course, url: source.server.url(), prefix: PREFIX });
  // Before that a snapshot would be empty.
  await until('the keys to be there', () => renewer.said.includes('filled'));
  return { source, target, renewer };
}

/** Counts the sessions that are alive on the source and missing on the target, while all of them are still renewed. */
async function count(source: StagedServer, target: StagedServer, keys: number): Promise<Figures> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const figures = await look(source, target, keys);
    if (figures.liveKeys < keys / 2)
      throw new Differs(`only ${figures.liveKeys} of ${keys} keys were kept alive: the load fell behind`);
    if (figures.lostKeys === 0 || performance.now() > deadline) return figures;
    await delay(100);
  }
}

/**
 * A key is lost if it is alive on the source before and after the look, and missing on the target. So a key that
 * expires in between is not counted.
 */
async function look(source: StagedServer, target: StagedServer, keys: number) {
  const [before, there, after] = [
    await alive(source.redis, keys),
    await alive(target.redis, keys),
    await alive(source.redis, keys),
  ];
  return {
    lostKeys: before.filter((live, n) => live && after[n] && !there[n]).length,
    liveKeys: after.filter(Boolean).length,
  };
}

async function alive(redis: Redis, keys: number): Promise<readonly boolean[]> {
  const pipeline = redis.pipeline();
  for (let n = 0; n < keys; n++) pipeline.exists(`${PREFIX}${n}`);
  return ((await pipeline.exec()) ?? []).map(([, there]) => there === 1);
}
