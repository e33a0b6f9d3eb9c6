import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, afterEach } from 'vitest';
import { type Keyspace, keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Store } from '../../../domain/plan/plan.ts';
import { type OpenStore, type Stores, withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { fenceIsProven } from '../../../redis/fence/fence-proof.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { lowerFence } from '../../../redis/fence/lower-fence.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import {
  type RedisOptions,
  type RedisServer,
  restartRedis,
  startRedis,
} from '../../../servers/redis-server.ts';
import { connectTo } from '../servers/redis.ts';
import { dataset, planOf } from './sync-world.ts';
import { makeTempDir } from '../temp-dir.ts';

/**
 * Rights as docs/start.md advises them, but without transactions: the keys of the app, and the right to read which side
 * serves.
 */
export const NARROW =
  '~match:* ~candidate:* %R~jday:authority &* -@all +@read +@write +@connection -@dangerous';
export const OPEN_DOOR = 'user default on nopass ~* &* +@all';

type Started = { readonly app: Redis; readonly admin: Redis };

/**
 * Gives a test file V1 and V2 of one engine. V1 has an app user `app` with the given rule. The fence is raised and
 * lowered on V1.
 */
export function withFencedWorld(options: Omit<RedisOptions, 'dir' | 'acl'>) {
  const dir = makeTempDir();
  const servers = new Map<string, RedisServer>();
  const clients: Redis[] = [];
  let count = 0;
  const end = async () => {
    for (const client of clients.splice(0)) client.disconnect();
    for (const server of servers.values()) await server.stop();
    servers.clear();
  };
  afterEach(end);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const connect = async (user?: string) => {
    const login = user ? { username: user, password: 'secret', enableReadyCheck: false } : {};
    const client = await connectTo(servers.get('v1')?.port ?? 0, login);
    clients.push(client);
    return client;
  };
  const start = async (name: string, more: Partial<RedisOptions>) => {
    const folder = join(dir, `${name}-${count++}`);
    servers.set(name, await startRedis({ ...options, ...more, dir: folder }));
  };
  const planWith = (store: Partial<Store>) =>
    planOf([dataset({ name: 'match' })], {
      stores: [
        { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'], ...store },
        { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
      ],
    });
  let plan = planWith({});
  const keyspace: Keyspace = keyspaceOf(plan.migration);
  const on = <T>(act: (one: OpenStore, keeper: Redis, stores: Stores) => Promise<T>) => {
    const environment = { SOURCE_V1: servers.get('v1')?.url(), TARGET_V2: servers.get('v2')?.url() };
    return withStores(plan, environment, 'test', (stores) => {
      const one = stores.named('v1');
      return act(one, copyStoreOf(stores, one), stores);
    });
  };
  return {
    keyspace,
    on,
    connect,
    begin: async (
      rule: string,
      more: Partial<RedisOptions> = {},
      store: Partial<Store> = {},
    ): Promise<Started> => {
      plan = planWith(store);
      await start('v1', { acl: [OPEN_DOOR, `user app on >secret ${rule}`], ...more });
      await start('v2', {});
      return { app: await connect('app'), admin: await connect() };
    },
    /** Kills V1 and starts it again on its port, with what it has saved in its folder. */
    restart: async () => {
      const v1 = servers.get('v1');
      if (!v1) throw new Error('it has not begun');
      v1.kill('SIGKILL');
      await v1.exited;
      servers.set('v1', await restartRedis(v1, options.binary));
    },
    raise: () => on((one, keeper) => raiseFence(one, keyspace, null, keeper)),
    lower: () => on((one, keeper) => lowerFence(one, keyspace, keeper)),
    proven: () => on((one, keeper) => fenceIsProven(one, keyspace, keeper)),
    keep: () => on((_one, _keeper, stores) => keepFence(plan, stores, 'target')),
    records: () =>
      on(async (one, keeper) => [
        await one.redis.get(keyspace.fence('app')),
        ...Object.values(await keeper.hgetall(keyspace.fenced())),
      ]),
  };
}
