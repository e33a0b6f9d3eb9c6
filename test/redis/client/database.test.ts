import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../redis/client/connection.ts';
import { DatabaseRefused, DataLink } from '../../../redis/client/data-link.ts';
import { openProbe } from '../../../redis/impact/probe.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { eventually } from '../../support/eventually.ts';
import { monitor } from '../../support/servers/monitor.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { LONG_RETENTION, only, withPreflightWorld } from '../preflight/world.ts';

const server = withRedis({
  databases: 1,
  acl: ['user default on nopass ~* &* +@all', 'user jday on >hunter2 ~* &* +@all -select'],
});
const many = withRedis({
  acl: ['user default on nopass ~* &* +@all', 'user jday on >hunter2 ~* &* +@all -select'],
});
const world = withPreflightWorld();
const storeAt = (url: string) => ({ name: 'v1', side: 'source', url, appUsers: [] }) as const;

const REFUSALS = [
  {
    what: 'that the server does not have',
    url: () => server.server.url({ db: 1 }),
    reason: 'the server has no database 1',
    remedy: 'Correct the database number at the end of the URL, or raise `databases` of the server',
  },
  {
    what: 'that our user may not select',
    url: () => many.server.url({ user: 'jday', password: 'hunter2', db: 3 }),
    reason: 'our user may not SELECT database 3',
    remedy: 'Grant our user +select',
  },
] as const;

describe('a database', () => {
  test.each(REFUSALS)('$what ends the connection before its first command, and is red (L6)', async (one) => {
    const seen = await Promise.all([server, many].map(({ server: { port } }) => monitor(port)));
    for (const { stop } of seen) onTestFinished(stop);
    const opening = openStore(storeAt(one.url()), {}, 'test');
    await expect(opening).rejects.toMatchObject({
      name: 'StoreUnreachable',
      reason: one.reason,
      remedy: one.remedy,
    });
    const unready = openStore(storeAt(one.url()), {}, 'test', { enableReadyCheck: false });
    await expect(unready).rejects.toThrow(`store v1: ${one.reason}`);
    const { probe, close } = await openProbe([storeAt(one.url())], {}, 'jday:test:probe:impact');
    await expect(probe()).rejects.toThrow(`store v1: ${one.reason}`);
    await close();

    const checks = await runPreflight(world.withStore('v1', one.url()), world.environment(), LONG_RETENTION);
    expect(only(checks, 'reachable', 'v1')).toMatchObject({ verdict: 'red', found: one.reason });
    const sent = seen.flatMap(({ lines }) => lines()).map((line) => /"(\w+)"/.exec(line)?.[1]?.toLowerCase());
    // The library of the probe also asks whether the server has loaded its data.
    const handshake = ['auth', 'select', 'client', 'info', 'monitor'];
    expect(sent.filter((command) => command !== undefined && !handshake.includes(command))).toEqual([]);
  });

  test('with a wrong password says that the password is wrong', async () => {
    const url = server.server.url({ user: 'jday', password: 'no', db: 1 });
    await expect(openStore(storeAt(url), {}, 'test')).rejects.toThrow('store v1: wrong user or password');
  });

  test('that is refused after a reconnect gets no command, and one that is given again gets all', async () => {
    const options = {
      host: '127.0.0.1',
      port: many.server.port,
      username: 'jday',
      password: 'hunter2',
      db: 3,
    };
    await many.client.call('ACL', ['SETUSER', 'jday', '+select']);
    const link = new DataLink({
      ...options,
      protocol: 2,
      retryStrategy: () => 5,
      maxRetriesPerRequest: null,
    });
    onTestFinished(() => link.disconnect());
    const refusals: unknown[] = [];
    link.on('error', (error) => refusals.push(error));
    await link.set('before', '1');
    await many.client.call('ACL', ['SETUSER', 'jday', '-select']);
    await many.client.client('KILL', 'USER', 'jday');
    await eventually('two refused attempts', () => refusals.length >= 2);
    expect(refusals.every((error) => error instanceof DatabaseRefused)).toBe(true);
    const waits = link.set('after', '1');
    expect(await many.client.dbsize()).toBe(0);
    await many.client.call('ACL', ['SETUSER', 'jday', '+select']);
    expect(await waits).toBe('OK');
    const there = await many.connect({ db: 3 });
    expect((await there.keys('*')).sort()).toEqual(['after', 'before']);
    expect(await many.client.dbsize()).toBe(0);
  });
});
