import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { datasetOf } from '../backup/plan.ts';
import { LONG_RETENTION, only, withPreflightWorld } from './world.ts';

const world = withPreflightWorld();

describe('the preflight is red', () => {
  it.each([
    [
      'the password is wrong',
      () => world.v1.server.url({ user: 'jday', password: 'no' }),
      'wrong user or password',
    ],
    ['nobody listens', () => 'redis://127.0.0.1:1', 'connection refused'],
    ['the host is unknown', () => 'redis://nowhere.invalid', 'host not found'],
    ['a variable is not set', () => '${UNSET_URL}', 'environment variable UNSET_URL is not set'],
  ])('when %s, and goes on with the other stores', async (_what, url, found) => {
    await world.fill();
    const checks = await runPreflight(world.withStore('v1', url()), world.environment(), LONG_RETENTION);
    expect(only(checks, 'reachable', 'v1')).toMatchObject({ verdict: 'red', found });
    expect(only(checks, 'reachable', 'nexten').verdict).toBe('green');
    expect(only(checks, 'rights', 'nexten').verdict).toBe('green');
  });

  it('when our user lacks commands, naming each and the grant that mends it', async () => {
    const url = world.v1.server.url({ user: 'blind', password: 'blind' });
    const check = only(
      await runPreflight(world.withStore('v1', url), world.environment(), LONG_RETENTION),
      'rights',
      'v1',
    );
    expect(check.verdict).toBe('red');
    expect(check.found).toContain('psync');
    expect(check.remedy).toContain('+restore');
    expect(check.remedy).not.toContain('+get ');
  });

  it('when our user may not touch our prefix or the datasets’ keys', async () => {
    const url = world.v1.server.url({ user: 'outsider', password: 'outsider' });
    const checks = await runPreflight(world.withStore('v1', url), world.environment(), LONG_RETENTION);
    const check = only(checks, 'rights', 'v1');
    expect(check).toMatchObject({
      verdict: 'red',
      found: 'no access to our own prefix, the keys of matches, the channel of changes',
    });
    expect(only(checks, 'probe', 'v1').verdict).toBe('red');
  });

  it('when two stores are the same database, or share a server and an app user; a server alone is an alert (L1)', async () => {
    const one = world.v1.server.url({ user: 'jday', password: 's3cret-word', db: 1 });
    const same = await runPreflight(
      world.withStore('nexten', `${one}`, world.withStore('v1', one)),
      world.environment(),
      LONG_RETENTION,
    );
    expect(only(same, 'same database', 'plan')).toMatchObject({
      verdict: 'red',
      found: 'v1 and nexten are the same database',
    });
    const plan = world.withStore('nexten', one);
    const shared = await runPreflight(plan, world.environment(), LONG_RETENTION);
    expect(only(shared, 'same database', 'plan').verdict).toBe('green');
    expect(only(shared, 'shared server', 'plan')).toMatchObject({
      verdict: 'red',
      found: 'v1 and nexten are one server and name the same app user',
    });
    const stores = plan.stores.map((store) => ({ ...store, appUsers: [`${store.name}-app`] }));
    const apart = await runPreflight({ ...plan, stores }, world.environment(), LONG_RETENTION);
    expect(only(apart, 'shared server', 'plan').verdict).toBe('alert');
  });

  it('when V2 is too small for what will come', async () => {
    await world.v1.client.set('match:big', Buffer.alloc(8 << 20));
    const used = Number(/used_memory:(\d+)/.exec(await world.v2.client.info('memory'))?.[1]);
    await world.v2.client.config(
      'SET',
      'maxmemory',
      String(used + (4 << 20)),
      'maxmemory-policy',
      'allkeys-lru',
    );
    const checks = await runPreflight(world.makePlan(), world.environment(), LONG_RETENTION);
    expect(only(checks, 'memory', 'plan').found).toMatch(/^V2 too small/);
    expect(only(checks, 'memory', 'plan').verdict).toBe('red');
    expect(only(checks, 'eviction', 'v2')).toMatchObject({
      verdict: 'red',
      found: expect.stringContaining('it would evict the ledger') as string,
    });
    expect(only(checks, 'idle times', 'v2')).toMatchObject({
      verdict: 'alert',
      found: 'the server does not know it, and it evicts by allkeys-lru',
    });
    expect(only(checks, 'idle times', 'v1').verdict).toBe('green');
  });

  it('when keys belong to no dataset, unless the store ignores them', async () => {
    await world.v1.client.mset(
      'user_4711',
      'x',
      'user_4712',
      'x',
      'd41d8cd98f00b204e9800998ecf8427e',
      'x',
      'jday:x',
      '1',
    );
    const found = only(
      await runPreflight(world.makePlan(), world.environment(), LONG_RETENTION),
      'unmatched keys',
      'v1',
    );
    expect(found).toMatchObject({ verdict: 'red', found: '3 keys: user_… × 2, hex(32) × 1' });
    const plan = world.makePlan();
    const stores = plan.stores.map((store) => ({ ...store, ignore: ['user_*', 'd41d*'] }));
    const ignored = await runPreflight({ ...plan, stores }, world.environment(), LONG_RETENTION);
    expect(only(ignored, 'unmatched keys', 'v1').verdict).toBe('green');
  });

  it('when two sources want the same V2 key', async () => {
    await world.v1.client.set('match:1', 'of V1');
    await world.nexten.client.set('score:1', 'of Nexten');
    const datasets = [
      datasetOf('matches', 'match:*'),
      datasetOf('scores', 'score:*', { from: 'nexten', rename: { from: 'score:*', to: 'match:*' } }),
    ];
    const checks = await runPreflight(world.makePlan({ datasets }), world.environment(), LONG_RETENTION);
    expect(only(checks, 'colliding keys', 'v1')).toMatchObject({ verdict: 'red', found: '1 keys' });
    expect(only(checks, 'ownership', 'plan').verdict).toBe('red');
  });

  it('when our own user is named as an app user, or a named one does not exist', async () => {
    const named = async (appUsers: string[]) => {
      const stores = world
        .makePlan()
        .stores.map((store) => (store.name === 'v1' ? { ...store, appUsers } : store));
      return only(
        await runPreflight(world.makePlan({ stores }), world.environment(), LONG_RETENTION),
        'app users',
        'v1',
      );
    };
    expect(await named(['jday'])).toMatchObject({
      verdict: 'red',
      found: 'our own user is named as an app user',
    });
    expect(await named(['app', 'nobody'])).toMatchObject({
      verdict: 'red',
      found: '1 of the named users do not exist',
    });
    expect(await named(['default'])).toMatchObject({ verdict: 'alert' });
  });

  it('when a store is a replica', async () => {
    await world.nexten.client.call('REPLICAOF', '127.0.0.1', String(world.v1.server.port));
    const checks = await runPreflight(world.makePlan(), world.environment(), LONG_RETENTION);
    await world.nexten.client.call('REPLICAOF', 'NO', 'ONE');
    expect(only(checks, 'role', 'nexten')).toMatchObject({ verdict: 'red', found: 'slave' });
    expect(only(checks, 'probe', 'nexten').verdict).toBe('red');
  });

  it('when no value of a dataset can be transformed, and alerts when some cannot', async () => {
    await world.v1.client.set('match:1', '{"offers":[1],"offres":[2]}');
    const datasets = [datasetOf('matches', 'match:*', { transform: 'offers_to_jobs' })];
    const all = only(
      await runPreflight(world.makePlan({ datasets }), world.environment(), LONG_RETENTION),
      'transformable values',
      'v1',
    );
    expect(all.verdict).toBe('red');
    await world.v1.client.set('match:2', '{"offers":[1]}');
    const some = only(
      await runPreflight(world.makePlan({ datasets }), world.environment(), LONG_RETENTION),
      'transformable values',
      'v1',
    );
    expect(some.verdict).toBe('alert');
    expect(some.found).toMatch(/^1 of 2 sampled cannot: /);
  });

  it('says how many values of a dataset with a transform hold no JSON, and what cannot be read', async () => {
    await world.v1.client.set('cached:1', '{"offers": [], "score": NaN}');
    await world.v1.client.set('cached:2', 'pickled');
    await world.v1.client.hset('cached:3', 'state', '{"offer_id": 1}', 'since', '17');
    const datasets = [datasetOf('cached', 'cached:*', { transform: 'offers_to_jobs' })];
    const plan = world.makePlan({ datasets });
    const look = async () =>
      only(await runPreflight(plan, world.environment(), LONG_RETENTION), 'transformable values', 'v1');
    expect(await look()).toMatchObject({
      verdict: 'green',
      found: '3 sampled; without JSON, carried byte for byte: 1 of 3 of cached',
    });
    await world.v1.client.set('cached:large', `{"offers": ["${'x'.repeat(200_000)}"]}`);
    expect((await look()).found).toMatch(/1 of 3 of cached; 1 above 128 KiB, not looked at$/);
    await world.v1.client.set('cached:2', '{"offers": [');
    expect(await look()).toMatchObject({
      verdict: 'alert',
      found: expect.stringMatching(/^1 of 3 sampled cannot: the text cannot be read as JSON/) as string,
    });
  });

  it('when the backup directory cannot be used or the model folder is missing', async () => {
    const file = join(world.path, 'a-file');
    writeFileSync(file, '');
    const plan = world.makePlan({ files: [{ name: 'models', from: join(world.path, 'gone') }] });
    const checks = await runPreflight(
      { ...plan, backup: { directory: file, retentionDays: 1 } },
      world.environment(),
      LONG_RETENTION,
    );
    expect(only(checks, 'backup space', 'plan').verdict).toBe('red');
    expect(only(checks, 'model files', 'plan').verdict).toBe('red');
  });
});
