import type { Cluster, Redis } from 'ioredis';
import { afterEach } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { type Dataset, type Link, linksOf } from '../../../domain/plan/plan.ts';
import type { VerifyStatus } from '../../../domain/gates/status.ts';
import { runVerifier, type VerifyOptions } from '../../../redis/verify/verifier.ts';
import { eventually } from '../eventually.ts';
import { withRedis } from '../servers/redis.ts';
import { dataset, planOf } from './sync-world.ts';

export const keyspace = keyspaceOf('test');

/** One dataset of each kind that the verifier treats differently. */
export const DATASETS: readonly Dataset[] = [
  dataset({ name: 'match', transform: 'offers_to_jobs' }),
  dataset({ name: 'session', role: 'sessions' }),
  dataset({ name: 'metrics', role: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } }),
];

export function linkOf(datasets: readonly Dataset[] = DATASETS): Link {
  const [link] = linksOf(planOf(datasets));
  if (link === undefined) throw new Error('a plan without a link');
  return link;
}

/** Gives a test file a source and a target server, both emptied after each test. Verifiers end with the test. */
export function withVerifyWorld() {
  const v1 = withRedis();
  const v2 = withRedis();
  const running: { stop: AbortController; done: Promise<void> }[] = [];
  afterEach(async () => {
    for (const { stop } of running) stop.abort();
    await Promise.all(running.splice(0).map(({ done }) => done));
    await Promise.all([v1.client.flushall(), v2.client.flushall()]);
  });
  const optionsOf = async (change: Partial<VerifyOptions>): Promise<VerifyOptions> => ({
    link: linkOf(),
    keyspace,
    source: await v1.connect(),
    target: await v2.connect(),
    authority: () => 'source',
    covers: () => DATASETS.map(({ name }) => name),
    agreedAbsentOnSource: (keys) => Promise.resolve(keys.map(() => false)),
    rules: { retryWindowMs: 200, hotAfterChanges: 4 },
    bounds: { keysPerSecond: () => 0 },
    census: { source: await v1.connect(), target: await v2.connect() },
    minPassMs: 20,
    censusRestMs: 20,
    ...change,
  });
  /** Starts a verifier. `statuses` are all its reports so far. */
  const run = (options: VerifyOptions) => {
    const statuses: VerifyStatus[] = [];
    const stop = new AbortController();
    const done = runVerifier(options, stop.signal, (status) => statuses.push(status));
    running.push({ stop, done });
    return {
      statuses,
      options,
      stop: async () => {
        stop.abort();
        await done;
      },
      reports: (what: string, holds: (status: VerifyStatus) => boolean, withinMs?: number) =>
        eventually(what, () => [statuses.at(-1)].find((status) => status !== undefined && holds(status)), {
          withinMs,
        }),
      /** Resolves with the report of the first pass that began after this call. */
      nextPass: async () => {
        const passes = (statuses.at(-1)?.passes ?? 0) + 2;
        return eventually('a whole pass', () => statuses.find((status) => status.passes >= passes));
      },
    };
  };
  const verify = async (change: Partial<VerifyOptions> = {}) => run(await optionsOf(change));
  return { v1, v2, verify, run, optionsOf };
}

/**
 * Writes keys of each type, with and without expiry, in V1 form to `v1` and in V2 form to `v2`. Returns their number.
 */
export async function fillEqual(v1: Redis | Cluster, v2: Redis | Cluster): Promise<number> {
  const soon = Date.now() + 3_600_123;
  for (const [redis, jobs, metrics] of [
    [v1, 'offers', 'metrics'],
    [v2, 'jobs', 'metrics:v1'],
  ] as const) {
    await redis.set('match:document', `{"${jobs}":[{"id":1,"note":94.5}],"été":"🎯"}`, 'PXAT', soon);
    await redis.hset('match:fields', jobs, '[1]', 'score', '1.0');
    await redis.hset('session:1', { user: 'u1', seen: '12' });
    await redis.pexpireat('session:1', soon);
    await redis.set('session:binary', Buffer.from([0, 255, 128, 10]));
    await redis.rpush(`${metrics}:list`, 'a', 'b', 'a');
    await redis.sadd(`${metrics}:set`, 'x', 'y', 'z');
    await redis.zadd(`${metrics}:zset`, 0.1, 'm', -3, 'n');
    await redis.xadd(`${metrics}:stream`, '5-1', 'field', 'value');
    await redis.xgroup('CREATE', `${metrics}:stream`, 'readers', '0');
    await redis.call('XREADGROUP', ['GROUP', 'readers', 'one', 'STREAMS', `${metrics}:stream`, '>']);
  }
  return 8;
}
