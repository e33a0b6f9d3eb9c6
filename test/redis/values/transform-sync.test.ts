import { expect, test, describe } from 'vitest';
import { linksOf } from '../../../domain/plan/plan.ts';
import { findTool } from '../../../servers/tools.ts';
import { verifyKeys } from '../../../redis/verify/verify-keys.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'session', transform: 'offers_to_jobs' })]);

const ENGINES = [
  { name: 'Redis 7.0', servers: {} },
  { name: 'Redis 7.0 → Valkey 9.1', servers: { v2: { binary: findTool('valkey-server') } } },
];

describe.each(ENGINES)('values under a transform, $name', ({ servers }) => {
  const world = withSyncWorld(servers);

  async function differing(keys: readonly string[]): Promise<number> {
    const [link] = linksOf(plan);
    if (!link) throw new Error('a plan without a link');
    return (await verifyKeys(link, world.v1.client, world.v2.client, keys)).different.length;
  }

  test('what Python writes is renamed; what says a name and cannot be read waits in quarantine (L11)', async () => {
    const { v1, v2 } = world;
    await v1.client.set('session:nan', '{"offers": [], "score": NaN, "worst": -Infinity}');
    await v1.client.hset('session:hash', { data: '{"offer_id": 1, "score": NaN}', at: '1.5' });
    await v1.client.set('session:cut', '{"offers": [1, 2');
    await v1.client.hset('session:cut-hash', { data: '{"offer_id": 1, "sc', at: '1.5' });
    await v1.client.set('session:pickle', 'V{"offers": []}\np0\n.');
    const sync = await world.start(plan);
    await sync.live();
    expect(await v2.client.get('session:nan')).toBe('{"jobs": [], "score": NaN, "worst": -Infinity}');
    expect(await v2.client.hgetall('session:hash')).toEqual({
      data: '{"job_id": 1, "score": NaN}',
      at: '1.5',
    });
    expect(await v2.client.get('session:pickle')).toBe('V{"offers": []}\np0\n.');
    expect(await v2.client.exists('session:cut', 'session:cut-hash')).toBe(0);
    await eventually('both in quarantine', () => sync.status()?.quarantined === 2);
    expect(await differing(['session:nan', 'session:hash', 'session:pickle'])).toBe(0);
    expect(await differing(['session:cut', 'session:cut-hash'])).toBe(2);
    // The value is on V2 without the transform. The verifier must not call the two sides equal.
    await v2.client.set('session:cut', '{"offers": [1, 2');
    expect(await differing(['session:cut'])).toBe(1);
    await v1.client.set('session:cut', '{"offers": [1, 2]}');
    await v1.client.hset('session:cut-hash', 'data', '{"offer_id": 1}');
    await eventually('an empty quarantine', () => sync.status()?.quarantined === 0);
    await eventually(
      'both on V2',
      async () => (await v2.client.hget('session:cut-hash', 'data')) === '{"job_id": 1}',
    );
    expect(await v2.client.get('session:cut')).toBe('{"jobs": [1, 2]}');
  });

  test.each([
    { size: 'small', padding: 'x' },
    { size: 'large', padding: 'x'.repeat(300_000) },
  ])(
    'a $size session of mixed spellings comes back to the letter, also by a sync that only has the ledger (L2)',
    async ({ padding }) => {
      const { v1, v2 } = world;
      const session = {
        offers: '[1]',
        data: '{"offres": [], "seen": [{"offer_id": 1}, {"job_id": 2}]}',
        job_id: '7',
        padding,
      };
      await v1.client.hset('session:mixed', session);
      const first = await world.start(plan);
      await first.live();
      await eventually('the session on V2', async () => (await v2.client.exists('session:mixed')) === 1);
      expect(await v2.client.hgetall('session:mixed')).toEqual({
        jobs: '[1]',
        data: '{"jobs": [], "seen": [{"job_id": 1}, {"job_id": 2}]}',
        job_id: '7',
        padding,
      });
      expect(first.status()).toMatchObject({ quarantined: 0, conflicts: 0 });
      await first.stop();
      const second = await world.start(plan);
      await second.live();
      await v2.client.hset('session:mixed', 'data', '{"seen": [{"job_id": 3}, {"job_id": 4}], "jobs": [9]}');
      await v2.client.hset('session:mixed', 'jobs', '[2]');
      await eventually(
        'the change on V1',
        async () => (await v1.client.hget('session:mixed', 'offers')) === '[2]',
      );
      expect(await v1.client.hgetall('session:mixed')).toEqual({
        ...session,
        offers: '[2]',
        data: '{"seen": [{"offer_id": 3}, {"job_id": 4}], "offres": [9]}',
      });
      expect(await differing(['session:mixed'])).toBe(0);
      // After a delete no ledger entry is left.
      await v1.client.del('session:mixed');
      await eventually('it to be gone', async () => (await v2.client.exists('session:mixed')) === 0);
      const ledger = await v2.client.keys('jday:test:ledger:*');
      await eventually('no entry on V2', async () => (await v2.client.exists(...ledger, 'none')) === 0);
    },
  );
});
