import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { type Stores, withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { lowerFence } from '../../../redis/fence/lower-fence.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { takeSwitchLease } from '../../../redis/state/fencing-token.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import { type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { findTool } from '../../../servers/tools.ts';
import { claimed } from '../../support/worlds/claimed.ts';
import { eventually } from '../../support/eventually.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { startSentinel, type TestSentinel } from '../../support/servers/sentinel.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { nextToken } from '../../support/worlds/next-token.ts';

const ACL = ['user default on nopass ~* &* +@all', 'user app on >secret ~* +@all -@dangerous'];
const LOGIN = { username: 'app', password: 'secret', enableReadyCheck: false };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'], otherWriters: ['default'] },
  ],
});
const keyspace = keyspaceOf(plan.migration);
const ENGINES = ['redis-server', 'valkey-server'] as const;

describe.each(ENGINES)('a replica of V1 (%s)', (engine) => {
  const ends: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const start = async (name: string, config: Readonly<Record<string, string>> = {}, port?: number) => {
    const dir = join(makeTempDir(), name);
    const server = await startRedis({
      dir,
      acl: ACL,
      config,
      binary: findTool(engine),
      ...(port && { port }),
    });
    ends.push(() => server.stop());
    return server;
  };
  const client = async (server: RedisServer, login = {}): Promise<Redis> => {
    const redis = await connectTo(server.port, login);
    ends.push(() => redis.disconnect());
    return redis;
  };
  const replicaOf = async (master: RedisServer, port?: number) => {
    const replica = await start('replica', { replicaof: `127.0.0.1 ${master.port}` }, port);
    const asked = await client(master);
    await eventually('the replica to follow', async () =>
      /state=online/.test(await asked.info('replication')),
    );
    return replica;
  };
  const world = async () => {
    const [v1, v2] = [await start('v1'), await start('v2')];
    await claimed(await client(v1), await client(v2));
    return { v1, v2, replica: await replicaOf(v1) };
  };
  const on = <T>(from: string, v2: RedisServer, act: (stores: Stores) => Promise<T>) =>
    withStores(plan, { SOURCE_V1: from, TARGET_V2: v2.url() }, 'test', act);
  const ruleOn = async (server: RedisServer) => {
    const redis = await connectTo(server.port);
    const lines = (await redis.call('ACL', ['LIST'])) as string[];
    redis.disconnect();
    return lines.find((line) => line.startsWith('user app '));
  };

  test('is fenced with its master, again after it forgot, and has its rule back with it (L1, L9)', async () => {
    const { v1, v2, replica } = await world();
    const before = await ruleOn(replica);
    const fenced = async (server: RedisServer) => (await ruleOn(server))?.includes('-@write') === true;
    await on(v1.url(), v2, async (stores) => {
      const one = stores.named('v1');
      await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
    });
    expect(await fenced(replica)).toBe(true);
    await replica.stop();
    const again = await replicaOf(v1, replica.port);
    expect(await fenced(again)).toBe(false);
    await on(v1.url(), v2, (stores) => keepFence(plan, stores, 'target'));
    expect(await fenced(again)).toBe(true);
    await on(v1.url(), v2, async (stores) => {
      const one = stores.named('v1');
      await lowerFence(one, keyspace, copyStoreOf(stores, one));
    });
    expect(await ruleOn(again)).toBe(before);
    expect(await (await client(v2)).exists(keyspace.fenced())).toBe(0);
  });

  test('that accepts and does not answer holds no fence up: it is not reached, and soon known to be (L7, L9)', async () => {
    const { v1, v2, replica } = await world();
    const before = await ruleOn(v1);
    await on(v1.url(), v2, async (stores) => {
      const one = stores.named('v1');
      await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
      replica.kill('SIGSTOP');
      ends.push(() => replica.kill('SIGCONT'));
      const from = performance.now();
      await keepFence(plan, stores, 'target');
      await takeSwitchLease(stores, plan.migration, nextToken());
      await lowerFence(one, keyspace, copyStoreOf(stores, one));
      expect(performance.now() - from).toBeLessThan(9_000);
    });
    expect(await ruleOn(v1)).toBe(before);
  });

  test('that Sentinel promotes after the flip is fenced at that moment, and loses no write of V2 (L1, L2)', async () => {
    const { v1, v2, replica } = await world();
    const sentinel = await startSentinel(join(makeTempDir(), 'sentinel'), v1.port, findTool(engine));
    ends.push(() => sentinel.stop());
    const environment = { SOURCE_V1: sentinel.url(), TARGET_V2: v2.url() };
    const sync = startSync(environment);
    ends.push(sync.stop);
    await sync.live();
    const [old, now] = [await client(v1, LOGIN), await client(v2, LOGIN)];
    for (let i = 0; i < 50; i++) await old.set(`match:${i}`, 'before');
    await switchAuthority({ plan, environment, to: 'target', token: nextToken(), report: () => undefined });
    await expect(old.set('match:1', 'late')).rejects.toThrow(/NOPERM/);
    for (let i = 0; i < 50; i++) await now.set(`match:${i}`, 'after');
    const seen = sync.token();
    v1.kill('SIGKILL');
    // Sentinel ends all connections of a server that it promotes.
    const stray = await client(replica, { ...LOGIN, retryStrategy: () => 5 });
    const refused = watchRefusals(stray);
    await promotedBy(sentinel, replica);
    for (let i = 50; i < 100; i++) await now.set(`match:${i}`, 'after');
    await eventually('a new attempt on it', () => sync.token() > seen);
    await sync.live();
    await keepFenceNow(environment);
    expect(await refused()).toBeGreaterThan(10);
    const [here, there] = [await client(replica), await client(v2)];
    expect((await here.role())[0]).toBe('master');
    await eventually('V1 to hold what V2 acknowledged', async () => {
      for (let i = 0; i < 100; i++) expect(await here.get(`match:${i}`)).toBe('after');
      return true;
    });
    for (let i = 0; i < 100; i++) expect(await there.get(`match:${i}`)).toBe('after');
  });

  const keepFenceNow = (environment: Readonly<Record<string, string>>) =>
    withStores(plan, environment, 'test', (stores) => keepFence(plan, stores, 'target'));
});

test('a store whose Sentinels cannot be asked, or do not know it, says so and shows no address (L12)', async () => {
  const store = (url: string) => ({ name: 'v1', side: 'source', url, appUsers: [] }) as const;
  const open = openStore(store('redis+sentinel://u:hunter2@127.0.0.1:1,127.0.0.1:2/mine/0'), {}, 'test');
  await expect(open).rejects.toThrow('store v1: no Sentinel of the URL answers');
});

/** Starts a sync that begins anew when it fails. */
function startSync(environment: Readonly<Record<string, string>>) {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const stop = new AbortController();
  const said: LinkStatus[] = [];
  const done = (async () => {
    // As in the activity, a failure ends the attempt, and the next attempt opens the stores anew.
    while (!stop.signal.aborted)
      await runSync({ plan, link, environment, report: (status) => said.push(status) }, stop.signal).catch(
        () => delay(100),
      );
  })();
  return {
    token: () => said.at(-1)?.token ?? 0,
    live: () => eventually('the sync to be live', () => said.at(-1)?.state === 'live'),
    stop: async () => {
      stop.abort();
      await done;
    },
  };
}

/** Writes as the app all the time. The server must refuse every write. Resolves with the number of refusals. */
function watchRefusals(app: Redis): () => Promise<number> {
  let stopped = false;
  const run = (async () => {
    let refused = 0;
    while (!stopped && app.status !== 'end') {
      await app.set('match:1', 'stray').then(
        () => expect.fail('the promoted replica took a write'),
        (error: unknown) => expect(String(error)).toMatch(/NOPERM|READONLY/),
      );
      refused += 1;
    }
    return refused;
  })();
  run.catch(() => undefined);
  return () => {
    stopped = true;
    return run;
  };
}

async function promotedBy(sentinel: TestSentinel, replica: RedisServer): Promise<void> {
  await eventually('the promotion', async () => (await sentinel.masterPort()) === replica.port);
}
