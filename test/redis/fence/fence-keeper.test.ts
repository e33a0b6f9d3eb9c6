import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { type RedisServer, restartRedis, startRedis } from '../../../servers/redis-server.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { NARROW, OPEN_DOOR } from '../../support/worlds/fenced-world.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { startSyncProcess } from '../../support/processes/start-sync-process.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const APP = `user app on >secret ${NARROW}`;
const ACL = [OPEN_DOOR, APP];
const ALWAYS = { appendonly: 'yes', appendfsync: 'always' };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'] },
  ],
});
const keyspace = keyspaceOf(plan.migration);
/** The keeper looks once a second. The rest is for a busy machine. */
const SOON = { withinMs: 3_000 };

const ENGINES: readonly (readonly [string, { readonly binary?: string }])[] = [
  ['Redis 7.0', {}],
  ['Valkey 9.1', { binary: findTool('valkey-server') }],
];

describe.each(allOrFew(ENGINES, ENGINES.slice(0, 1)))(
  'a worker that has the sync keeps the fence, with nobody else there, on %s',
  (_engine, engine) => {
    const dir = withTempDir();
    let count = 0;

    /** V1 and V2 with a sync and without Temporal. V2 serves, and V1 is fenced. */
    async function flipped() {
      const place = join(dir.path, String(count++));
      const start = (name: string) =>
        startRedis({ ...engine, dir: join(place, name), acl: ACL, config: ALWAYS });
      const servers: Record<'v1' | 'v2', RedisServer> = { v1: await start('v1'), v2: await start('v2') };
      const environment = { SOURCE_V1: servers.v1.url(), TARGET_V2: servers.v2.url() };
      const sync = { kill: async () => undefined as void };
      onTestFinished(async () => {
        await sync.kill();
        for (const server of Object.values(servers)) await server.stop();
      });
      const connect = async (name: 'v1' | 'v2', user?: string): Promise<Redis> => {
        const login = user ? { username: user, password: 'secret', enableReadyCheck: false } : {};
        const client = await connectTo(servers[name].port, login);
        onTestFinished(() => client.disconnect());
        return client;
      };
      const serves = async (side: 'source' | 'target', epoch: number) => {
        for (const name of ['v2', 'v1'] as const)
          await writeAuthority(await loadScripts(await connect(name)), { side, epoch });
      };
      await serves('source', 1);
      const running = await startSyncProcess({ kind: 'run', plan, environment, keeps: true });
      sync.kill = running.kill;
      await running.live();
      const fence = (name: 'v1' | 'v2') =>
        withStores(plan, environment, 'test', (stores) => {
          const one = stores.named(name);
          return raiseFence(one, keyspace, null, copyStoreOf(stores, one));
        });
      await fence('v1');
      await serves('target', 2);
      return {
        sync: running,
        connect,
        serves,
        fence,
        /** Writes the ACL file without the fence, as a tool that manages configuration does. */
        forgets: (name: 'v1' | 'v2') =>
          writeFileSync(join(servers[name].dir, 'users.acl'), `${ACL.join('\n')}\n`),
        restart: async (name: 'v1' | 'v2') => {
          servers[name].kill('SIGKILL');
          await servers[name].exited;
          servers[name] = await restartRedis(servers[name], engine.binary);
        },
      };
    }

    const mayWrite = async (admin: Redis) =>
      String(await admin.call('ACL', ['DRYRUN', 'app', 'SET', 'match:1', 'v'])) === 'OK';
    const closedSoon = (admin: Redis) =>
      eventually('the app to be fenced again', async () => !(await mayWrite(admin)), SOON);

    test('after ACL LOAD of a file without it (L1)', async () => {
      const world = await flipped();
      const admin = await world.connect('v1');
      world.forgets('v1');
      await admin.call('ACL', ['LOAD']);
      const app = await world.connect('v1', 'app');
      await closedSoon(admin);
      await expect(app.set('match:1', 'v')).rejects.toThrow(/^NOPERM .* run the/);
      expect(world.sync.ended).toEqual([]);
    });

    test('after a restart that forgets it and ends the sync attempt (L1, L8)', async () => {
      const world = await flipped();
      world.forgets('v1');
      await world.restart('v1');
      const admin = await world.connect('v1');
      expect(await mayWrite(admin)).toBe(true);
      await closedSoon(admin);
      expect(world.sync.ended).not.toEqual([]);
    });

    test('of V2 after a rollback; and leaves the side that serves as it is', async () => {
      const world = await flipped();
      const [v1, v2] = [await world.connect('v1'), await world.connect('v2')];
      await world.fence('v2');
      await world.serves('source', 3);
      for (const admin of [v1, v2])
        await admin.call('ACL', ['SETUSER', 'app', 'reset', 'on', '>secret', ...NARROW.split(' ')]);
      await closedSoon(v2);
      expect(await mayWrite(v1)).toBe(true);
    });
  },
);
