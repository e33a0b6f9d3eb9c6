import { describe, expect, test } from 'vitest';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { startSyncing } from '../../support/worlds/kept-sync.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);
const KEYS = Array.from({ length: 30 }, (_, i) => `match:${i}`);

describe.each(['redis-server', 'valkey-server'] as const)(
  'a server that has evicted keys, and whose statistics were reset right after that (%s)',
  (engine) => {
    const binary = findTool(engine);
    const world = withSyncWorld({ v1: { binary }, v2: { binary } });
    const { v1, v2 } = world;
    const began = async () => {
      await v1.client.pipeline([set('maxmemory-policy', 'volatile-ttl'), set('maxmemory', '100mb')]).exec();
      // More commands than the next attempt sends before its first look at the statistics.
      for (let i = 0; i < 1_000; i++) void v1.client.ping();
      const sync = await startSyncing(world, plan);
      await sync.live();
      await eventually('the copy', async () => (await v2.client.exists(...KEYS)) === KEYS.length);
      await eventually('a mark on V1', async () => (await v1.client.get('jday:test:witness:v1')) !== null);
      return sync;
    };
    const set = (...words: string[]) => ['config', 'SET', ...words];
    /** One pipeline, so that the sync cannot look in between. */
    const evict = async () => {
      const steps = [set('maxmemory', '1'), ['ping'], set('maxmemory', '100mb')];
      await v1.client.pipeline([...steps, ['config', 'RESETSTAT']]).exec();
      expect(await v1.client.exists(...KEYS)).toBe(0);
      expect(await v1.client.info('stats')).toContain('evicted_keys:0');
    };
    const fill = () => Promise.all(KEYS.map((key) => v1.client.set(key, 'a', 'EX', 5_000)));

    const allHeldBack = async (sync: Awaited<ReturnType<typeof began>>) => {
      const held = () => sync.status()?.suspects?.[0]?.keys === KEYS.length;
      await eventually('all of them to be held back', held);
      expect(await v2.client.exists(...KEYS)).toBe(KEYS.length);
    };

    test('while no sync runs: V2 keeps the keys, and they wait for a decision (L5)', async () => {
      await fill();
      const before = await began();
      await before.stop();
      await evict();
      const sync = await startSyncing(world, plan);
      await allHeldBack(sync);
    });

    test('while one runs: the same (L5)', async () => {
      await fill();
      const sync = await began();
      await evict();
      await allHeldBack(sync);
    });

    test('where nothing can be evicted a reset hides nothing, and nobody is asked (L5)', async () => {
      await fill();
      const sync = await began();
      await v1.client.config('SET', 'maxmemory', '0');
      const { token } = sync.status() ?? {};
      await eventually('a look without a limit', async () => isSeen(false));
      await v1.client.config('RESETSTAT');
      await v1.client.del('match:0');
      await eventually('the delete to travel', async () => (await v2.client.exists('match:0')) === 0);
      expect(sync.status()).toMatchObject({ token, breaker: null });
    });

    const isSeen = async (evicts: boolean) => {
      const record = JSON.parse((await v2.client.get('jday:test:witness:v1')) ?? '{}');
      return record.sides?.source?.evicts === evicts;
    };
  },
);
