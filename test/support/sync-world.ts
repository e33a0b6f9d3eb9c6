import type { Redis } from 'ioredis';
import { afterEach } from 'vitest';
import { linksOf } from '../../domain/link.ts';
import type { Dataset, Plan } from '../../domain/plan.ts';
import type { LinkStatus } from '../../domain/status.ts';
import { writeAuthority } from '../../redis/authority.ts';
import { loadScripts } from '../../redis/scripts/index.ts';
import type { Reached } from '../../redis/sync/step.ts';
import { runSync } from '../../redis/sync/sync.ts';
import { eventually } from './eventually.ts';
import { examplePlan } from './example-plan.ts';
import { type TestRedis, withRedis } from './redis.ts';

export function dataset(change: Partial<Dataset> & Pick<Dataset, 'name'>): Dataset {
  return {
    from: 'v1',
    patterns: [`${change.name}:*`],
    excludes: [],
    joins: 'sync',
    role: 'cache',
    transform: 'none',
    ...change,
  };
}

/** A plan of one source and the target, with days of two seconds. */
export function planOf(datasets: readonly Dataset[], change: Partial<Plan> = {}): Plan {
  const { gates, triggers } = examplePlan();
  return examplePlan({
    migration: 'test',
    dayMs: 2_000,
    stores: [
      { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [] },
      { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
    ],
    datasets,
    gates: { ...gates, fenceBudgetMs: 5_000 },
    triggers: { ...triggers, lagForMs: 120_000 },
    ...change,
  });
}

type ServerOptions = Parameters<typeof withRedis>[0];

/** A source and a target server, and syncs between them that end with the test. */
export function withSyncWorld(servers: { readonly v1?: ServerOptions; readonly v2?: ServerOptions } = {}) {
  const v1: TestRedis = withRedis(servers.v1);
  const v2: TestRedis = withRedis(servers.v2);
  const running: { stop: AbortController; done: Promise<void> }[] = [];
  afterEach(async () => {
    for (const sync of running) sync.stop.abort();
    await Promise.all(running.splice(0).map((sync) => sync.done.catch(() => undefined)));
    await Promise.all([v1.client.flushall(), v2.client.flushall()]);
  });
  const environment = () => ({ SOURCE_V1: v1.server.url(), TARGET_V2: v2.server.url() });
  const claim = async () => {
    for (const redis of [v1.client, v2.client]) {
      await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
    }
  };
  /** Starts a sync; `status()` is its last report. */
  const start = async (plan: Plan, reached?: Reached) => {
    const [link] = linksOf(plan);
    if (!link) throw new Error('a plan without a link');
    await claim();
    const statuses: LinkStatus[] = [];
    const stop = new AbortController();
    const done = runSync(
      {
        plan,
        link,
        environment: environment(),
        report: (status) => statuses.push(status),
        ...(reached && { reached }),
      },
      stop.signal,
    );
    done.catch(() => undefined);
    running.push({ stop, done });
    const status = () => statuses.at(-1);
    return {
      status,
      done,
      stop: async () => {
        stop.abort();
        await done;
      },
      live: () => eventually('the sync to be live', () => status()?.state === 'live'),
    };
  };
  return { v1, v2, environment, claim, start };
}

/** Resolves when both connections read the same for `key`. */
export async function sameString(one: Redis, other: Redis, key: string, value: string | null): Promise<void> {
  await eventually(
    'both sides to hold the value',
    async () => (await one.get(key)) === value && (await other.get(key)) === value,
  );
}
