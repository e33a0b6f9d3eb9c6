import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { claimText } from '../../../domain/authority/claim.ts';
import { CHECKS } from '../../../redis/preflight/checks.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { usersOf } from '../../support/servers/acl-users.ts';
import { datasetOf, storeOf } from '../backup/plan.ts';
import { LONG_RETENTION, only, withPreflightWorld } from './world.ts';

const world = withPreflightWorld();
const OTHER = { migration: 'other', run: 'r', namespace: 'default', cluster: 'c' };

describe('the preflight', () => {
  it('is green all through for three sound servers, with the needed commands and no other', async () => {
    await world.fill();
    const checks = await runPreflight(world.makePlan(), world.environment(), LONG_RETENTION);
    expect(checks.filter(({ verdict }) => verdict !== 'green')).toEqual([]);
    const names = new Set(checks.map(({ name }) => name));
    expect([...names].sort()).toEqual(['reachable', ...CHECKS.map(({ name }) => name)].sort());
  });

  it('changes nothing: no key, no user, no folder (L6)', async () => {
    await world.fill();
    const before = await stateOf();
    await runPreflight(world.makePlan(), world.environment(), LONG_RETENTION);
    expect(await stateOf()).toEqual(before);
    expect(existsSync(join(world.path, 'backups'))).toBe(false);
  });

  it('gives each check that is not green a remedy, and shows no address, password or key (L12)', async () => {
    await world.v1.client.mset('session:alice@example.com', 'x', 'bob@example.com', 'x');
    const plan = world.makePlan({
      stores: [storeOf('v1', '${V1}'), storeOf('v2', 'redis://:hunter2@127.0.0.1:1')],
    });
    const checks = await runPreflight(plan, world.environment(), { temporalRetentionMs: null });
    const failing = checks.filter(({ verdict }) => verdict !== 'green');
    expect(failing.length).toBeGreaterThan(3);
    for (const { remedy } of failing) expect(remedy.length).toBeGreaterThan(10);
    const text = JSON.stringify(checks);
    for (const secret of ['s3cret-word', 'hunter2', '127.0.0.1', 'redis://', 'alice', 'bob']) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('the preflight alerts', () => {
  it('when a V2 key with another content would be overwritten, but not when it is equal in V2 form', async () => {
    await world.v1.client.mset('match:1', '{"offers":[1]}', 'match:2', '{"offers":[2]}');
    await world.v2.client.mset('match:1', '{"jobs":[1]}', 'match:2', '{"jobs":[3]}');
    const datasets = [datasetOf('matches', 'match:*', { transform: 'offers_to_jobs' })];
    const check = only(
      await runPreflight(world.makePlan({ datasets }), world.environment(), LONG_RETENTION),
      'occupied keys',
      'v1',
    );
    expect(check).toMatchObject({ verdict: 'alert', found: '2 taken; of 2 looked at, 1 differ' });
  });

  it('when no app users, no models or no retention are known, and when another migration holds a store', async () => {
    await world.v2.client.set('jday:claim', claimText({ ...OTHER, store: 'v2', side: 'target', token: 't' }));
    const plan = world.makePlan({ files: [{ name: 'models', from: '' }] });
    const stores = plan.stores.map((store) => ({ ...store, appUsers: [], unfenced: 'a test' }));
    const checks = await runPreflight({ ...plan, stores }, world.environment(), {
      temporalRetentionMs: null,
    });
    const alerts = checks.filter(({ verdict }) => verdict === 'alert').map(({ name }) => name);
    expect(alerts).toEqual(
      expect.arrayContaining(['app users named', 'model files', 'temporal retention', 'claim']),
    );
    expect(only(checks, 'claim', 'v2').found).toBe('held by migration other');
  });

  it('or red, when V2 serves because a migration was completed; one that is under way is ours', async () => {
    const look = async () =>
      only(await runPreflight(world.makePlan(), world.environment(), LONG_RETENTION), 'claim', 'v2');
    await world.v2.client.hset('jday:authority', 'authority', 'target', 'epoch', '2');
    expect(await look()).toMatchObject({
      verdict: 'red',
      found: expect.stringMatching(/^V2 has the authority already/) as string,
    });
    const { migration } = world.makePlan();
    const holder = { ...OTHER, migration, store: 'v2', side: 'target', token: 't' } as const;
    await world.v2.client.set('jday:claim', claimText(holder));
    expect(await look()).toMatchObject({ verdict: 'green', found: 'ours' });
  });

  it('when a dataset has no key, when other databases hold keys, and when the sync is one-way', async () => {
    const db = await world.v1.connect({ db: 2 });
    await db.set('x', '1');
    const checks = await runPreflight(
      world.makePlan({ mode: 'forward' }),
      world.environment(),
      LONG_RETENTION,
    );
    expect(only(checks, 'datasets found', 'v1').verdict).toBe('alert');
    expect(only(checks, 'other databases', 'v1')).toMatchObject({
      verdict: 'alert',
      found: 'databases 2 hold keys',
    });
    expect(only(checks, 'sync mode', 'plan').verdict).toBe('alert');
  });
});

async function stateOf(): Promise<unknown> {
  return Promise.all(
    [world.v1, world.nexten, world.v2].map(async ({ client }) => [
      await usersOf(client),
      (await client.scan('0', 'COUNT', '1000'))[1].sort(),
    ]),
  );
}
