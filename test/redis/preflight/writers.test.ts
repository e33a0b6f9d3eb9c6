import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import type { Store } from '../../../domain/plan/plan.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { startRedis } from '../../../servers/redis-server.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { LONG_RETENTION, only, withPreflightWorld } from './world.ts';

describe.each(allOrFew(['redis-server', 'valkey-server'] as const, ['redis-server']))(
  'the preflight of writers (%s)',
  (engine) => {
    const binary = findTool(engine);
    const world = withPreflightWorld({ v1: binary, v2: binary });
    /** The result of one check of V1, after a change of this store in the plan. */
    const checked = async (name: string, change: Partial<Store> = {}) => {
      const plan = world.makePlan();
      const stores = plan.stores.map((store) => (store.name === 'v1' ? { ...store, ...change } : store));
      const checks = await runPreflight({ ...plan, stores }, world.environment(), LONG_RETENTION);
      return only(checks, name, 'v1');
    };
    const acl = (...words: readonly string[]) => world.v1.client.call('ACL', [...words]);

    it('is red where nobody is named whom the fence would stop, unless the plan says why (L1)', async () => {
      expect((await checked('app users named', { appUsers: [] })).verdict).toBe('red');
      expect(
        await checked('app users named', { appUsers: [], unfenced: 'one writer, stopped by hand' }),
      ).toMatchObject({
        verdict: 'alert',
        found: expect.stringContaining('the plan wants it so') as string,
      });
    });

    it('names who may write and is not named, and is red when such a one writes (L1)', async () => {
      expect((await checked('other writers')).verdict).toBe('green');
      await acl('SETUSER', 'legacy', 'reset', 'on', '>secret', '~x:*', '+@all', '(+hset ~sess*)');
      expect(await checked('other writers')).toMatchObject({ verdict: 'alert', found: 'may write: legacy' });
      expect(
        (await checked('other writers', { otherWriters: ['default', 'outsider', 'legacy'] })).verdict,
      ).toBe('green');
      await acl('SETUSER', 'legacy', 'off');
      expect((await checked('other writers')).verdict).toBe('green');
      await acl('SETUSER', 'legacy', 'on', 'clearselectors');
      expect((await checked('other writers')).verdict).toBe('green');
      await acl('SETUSER', 'legacy', '~match:*');
      const legacy = await world.v1.connect({
        username: 'legacy',
        password: 'secret',
        enableReadyCheck: false,
      });
      await legacy.set('match:7', '{}');
      expect(await checked('other writers')).toMatchObject({
        verdict: 'red',
        found: 'connected and writing: legacy × 1',
      });
      legacy.disconnect();
      await acl('DELUSER', 'legacy');
    });

    it.each([
      ['may change rules', ['+acl|setuser'], 'app may run acl|setuser'],
      [
        'may set configuration and end clients',
        ['+config|set', '+client|kill'],
        'app may run config|set, client|kill',
      ],
      ['may write keys of ours', ['~*'], 'app may write jday:*'],
      ['may write keys of ours by a selector', ['(+del ~jday:*)'], 'app may write jday:*'],
    ])('is red where an app user %s: it would lift its own fence', async (_what, rule, found) => {
      const before = [
        'reset',
        'on',
        '>app',
        '~match:*',
        '%R~jday:authority',
        '+@read',
        '+@write',
        '-@dangerous',
      ];
      expect((await checked('app rights')).verdict).toBe('green');
      await acl('SETUSER', 'app', ...rule);
      expect(await checked('app rights')).toMatchObject({ verdict: 'red', found });
      await acl('SETUSER', 'app', ...before);
    });

    it('names replicas: red without the app user there or out of reach, an alert where they take writes (L1, L7)', async () => {
      expect(await checked('replicas')).toMatchObject({ verdict: 'green', found: '0 replicas' });
      const replica = await startRedis({
        dir: join(world.path, `replica-${engine}`),
        binary,
        config: { replicaof: `127.0.0.1 ${world.v1.server.port}`, 'replica-read-only': 'no' },
        acl: ['user default on nopass ~* &* +@all', 'user jday on >s3cret-word ~* &* +@all'],
      });
      try {
        await eventually('the replica', async () =>
          /state=online/.test(await world.v1.client.info('replication')),
        );
        expect(await checked('replicas')).toMatchObject({
          verdict: 'red',
          found: '1 replica, of which 1 lack an app user',
        });
        const asked = await world.v1.connect({ port: replica.port });
        await asked.call('ACL', ['SETUSER', 'app', 'on', '>app', '~match:*', '+@write']);
        expect(await checked('replicas')).toMatchObject({
          verdict: 'alert',
          found: '1 replica, of which 1 take writes',
        });
        await asked.config('SET', 'replica-read-only', 'yes');
        expect(await checked('replicas')).toMatchObject({ verdict: 'green', found: '1 replica' });
        await asked.call('ACL', ['SETUSER', 'jday', 'resetpass', '>another']);
        expect(await checked('replicas')).toMatchObject({
          verdict: 'red',
          found: '1 replica, of which 1 cannot be reached: no fence there',
        });
      } finally {
        await replica.stop();
      }
    });
  },
);
