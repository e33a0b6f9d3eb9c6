import type { Redis } from 'ioredis';
import { afterEach } from 'vitest';
import { linksOf } from '../../domain/link.ts';
import type { Dataset, Plan } from '../../domain/plan.ts';
import type { LinkStatus } from '../../domain/status.ts';
import { writeAuthority } from '../../redis/authority.ts';
import { loadScripts } from '../../redis/scripts/index.ts';
import { runSync } from '../../redis/sync/sync.ts';
import { eventually } from './eventually.ts';
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
  return {
    migration: 'test',
    jDay: { inDays: 7 },
    timeline: { startDay: -7, readinessDay: -1, windowDays: 7 },
    dayMs: 2_000,
    mode: 'bidirectional',
    stores: [
      { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [] },
      { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
    ],
    datasets,
    files: [],
    gates: {
      lagP99Ms: 100,
      integrityPercent: 100,
      sessionsLost: 0,
      cacheHitsKeptPercent: 95,
      impactPercent: 5,
      holdMs: 300_000,
      fenceBudgetMs: 5_000,
      cutoverAttempts: 3,
    },
    triggers: { integrityPercent: 95, sessionsLost: 0, lagP99Ms: 1_000, lagForMs: 120_000 },
    approvals: { readiness: 'auto', cutover: 'auto', complete: 'auto' },
    traffic: [],
    backup: { directory: 'backups', retentionDays: 30 },
    throttle: { copyKeysPerSecond: 0, verifyKeysPerSecond: 0 },
    ...change,
  };
}

/** A source and a target server, and syncs between them that end with the test. */
export function withSyncWorld() {
  const v1: TestRedis = withRedis();
  const v2: TestRedis = withRedis();
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
  const start = async (plan: Plan) => {
    const [link] = linksOf(plan);
    if (!link) throw new Error('a plan without a link');
    await claim();
    const statuses: LinkStatus[] = [];
    const stop = new AbortController();
    const done = runSync(
      { plan, link, environment: environment(), report: (status) => statuses.push(status) },
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
