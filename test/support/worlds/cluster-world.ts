import type { Cluster, Redis } from 'ioredis';
import { afterEach } from 'vitest';
import { linksOf, type Plan } from '../../../domain/plan/plan.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { type TestCluster, withCluster } from '../servers/cluster.ts';
import { eventually } from '../eventually.ts';
import { type TestRedis, withRedis } from '../servers/redis.ts';

type Kind = 'cluster' | 'server';
type Options = NonNullable<Parameters<typeof withCluster>[0]>;

/** One side of the world, as the apps see it. */
export interface TestSide {
  readonly client: Redis | Cluster;
  readonly cluster: TestCluster | null;
  url(): string;
}

/** Gives a test file a source and a target, each a server or a cluster. Syncs between them end with the test. */
export function withClusterWorld({
  v1,
  v2,
  ...options
}: {
  v1: Kind;
  v2: Kind;
  source?: Options;
  target?: Options;
}) {
  const sides = { v1: withSide(v1, options.source), v2: withSide(v2, options.target) };
  const running: { stop: AbortController; done: Promise<void> }[] = [];
  afterEach(async () => {
    for (const sync of running) sync.stop.abort();
    await Promise.all(running.splice(0).map((sync) => sync.done.catch(() => undefined)));
  });
  const environment = () => ({ SOURCE_V1: sides.v1.url(), TARGET_V2: sides.v2.url() });
  const kinds = { v1, v2 };
  const onClusters = (plan: Plan): Plan => ({
    ...plan,
    stores: plan.stores.map((store) => ({
      ...store,
      ...(kinds[store.name as 'v1' | 'v2'] === 'cluster' && { cluster: true }),
    })),
  });
  const claim = async (plan: Plan) => {
    for (const store of plan.stores) {
      const redis = await openStore(store, environment(), 'test');
      await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
      redis.disconnect();
    }
  };
  /** Runs attempts one after the other until it is stopped, as the activity does. */
  const start = async (given: Plan, journal: Parameters<typeof runSync>[0]['journal'] = {}) => {
    const plan = onClusters(given);
    const [link] = linksOf(plan);
    if (!link) throw new Error('a plan without a link');
    await claim(plan);
    const statuses: LinkStatus[] = [];
    const failures: Error[] = [];
    const stop = new AbortController();
    const attempts = async () => {
      while (!stop.signal.aborted) {
        const report = (status: LinkStatus) => void statuses.push(status);
        await runSync({ plan, link, environment: environment(), report, journal }, stop.signal).catch(
          (error: Error) => {
            failures.push(error);
          },
        );
      }
    };
    const done = attempts();
    running.push({ stop, done });
    const status = () => statuses.at(-1);
    return {
      plan,
      status,
      statuses,
      failures,
      stop: async () => {
        stop.abort();
        await done;
      },
      live: () =>
        eventually('the sync to be live', () => status()?.state === 'live').catch((error: Error) => {
          throw new Error(`${error.message}; ${failures.map(String).slice(-3).join('; ')}`, {
            cause: failures.at(-1),
          });
        }),
    };
  };
  return { ...sides, environment, onClusters, start };
}

function withSide(kind: Kind, options: Options = {}): TestSide {
  if (kind === 'cluster') {
    const cluster = withCluster(options);
    return {
      get client() {
        return cluster.client;
      },
      cluster,
      url: cluster.url,
    };
  }
  const single: TestRedis = withRedis(options);
  return {
    get client() {
      return single.client;
    },
    cluster: null,
    url: () => single.server.url(),
  };
}
