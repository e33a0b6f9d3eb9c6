import type { Redis } from 'ioredis';
import { afterEach } from 'vitest';
import { type Dataset, linksOf, type Plan } from '../../../domain/plan/plan.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { urlAt } from '../../../domain/plan-file/server-url.ts';
import type { Timeouts } from '../../../redis/replication/store/connections.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import type { Reached } from '../../../redis/replication/reconcile/fault-points.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { eventually } from '../eventually.ts';
import { examplePlan } from '../plans/example-plan.ts';
import { type TestRedis, withRedis } from '../servers/redis.ts';

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

/** Returns a plan with one source and the target. Its days last two seconds. */
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

/** Gives a test file a source and a target server. Syncs between them end with the test. */
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
  const through = ({ v1: one, v2: other }: Partial<Record<'v1' | 'v2', number>>) => {
    const { SOURCE_V1, TARGET_V2 } = environment();
    return {
      SOURCE_V1: one === undefined ? SOURCE_V1 : urlAt(SOURCE_V1, '127.0.0.1', one),
      TARGET_V2: other === undefined ? TARGET_V2 : urlAt(TARGET_V2, '127.0.0.1', other),
    };
  };
  const claim = async () => {
    for (const redis of [v1.client, v2.client]) {
      await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
    }
  };
  /**
   * Starts a sync. `status()` is its last report.
   *
   * @param options `ports`: the ports to which the sync connects, where they are not those of the servers
   */
  const start = async (
    plan: Plan,
    reached?: Reached,
    {
      patience,
      ports = {},
      ...more
    }: {
      readonly patience?: Timeouts;
      readonly ports?: Partial<Record<'v1' | 'v2', number>>;
    } & Pick<Parameters<typeof runSync>[0], 'journal' | 'quarantineBytes'> = {},
  ) => {
    const [link] = linksOf(plan);
    if (!link) throw new Error('a plan without a link');
    await claim();
    const statuses: LinkStatus[] = [];
    const stop = new AbortController();
    const done = runSync(
      {
        plan,
        link,
        environment: through(ports),
        report: (status) => statuses.push(status),
        ...(reached && { reached }),
        ...(patience && { patience }),
        ...more,
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

/** Resolves when both servers hold `value` under `key`; `null` = they do not have the key. */
export async function sameString(one: Redis, other: Redis, key: string, value: string | null): Promise<void> {
  await eventually(
    'both sides to hold the value',
    async () => (await one.get(key)) === value && (await other.get(key)) === value,
  );
}
