import { describe, expect, test } from 'vitest';
import type { Attempt } from '../../../redis/replication/attempt/attempt.ts';
import { type ReadMode, reconcile } from '../../../redis/replication/reconcile/reconciler.ts';
import { findTool } from '../../../servers/tools.ts';
import { attemptOn } from '../../support/worlds/begin-attempt.ts';
import { connectTo, type TestRedis, withRedis } from '../../support/servers/redis.ts';

const KEY = 'match:1';
const nobody = () => Promise.resolve(new Set<string>());

describe.each([
  ['redis', 'redis-server'],
  ['valkey', 'valkey-server'],
] as const)('on %s, a look at the database that SWAPDB put in the place of ours (L5)', (_engine, tool) => {
  const binary = findTool(tool);
  const [v1, v2] = [withRedis({ binary }), withRedis({ binary })];

  const elsewhere = async (value: string | null) => {
    const other = await connectTo(v1.server.port, { db: 5 });
    await other.flushdb();
    if (value !== null) await other.set(KEY, value);
    other.disconnect();
  };
  const carried = async (): Promise<Attempt> => {
    await Promise.all([v1.client.flushall(), v2.client.flushall()]);
    const attempt = await attemptOn(v1, v2);
    await v1.client.set(KEY, 'ours');
    await reconcile(attempt, nobody, [{ key: KEY, since: { source: 0 } }], 'change');
    expect(await v2.client.get(KEY)).toBe('ours');
    return attempt;
  };
  const swap = ({ client }: TestRedis) => client.call('SWAPDB', '0', '5');
  /** Swaps the databases while the key is read, and swaps them back before the sync asks the side again. */
  const lookedAtSwapped = async (attempt: Attempt, manner: ReadMode) => {
    await swap(v1);
    let swapped = true;
    const reached = async (step: string) => {
      if (step !== 'keys read' || !swapped) return;
      swapped = false;
      await swap(v1);
    };
    const fates = await reconcile(
      { ...attempt, reached },
      nobody,
      [{ key: KEY, since: { source: 0 } }],
      manner,
    );
    expect(swapped).toBe(false);
    return fates;
  };

  test.each([
    ['a foreign value', 'of another database', 'change'],
    ['an absence', null, 'change'],
    ['a foreign value in a scan', 'of another database', 'scan'],
    ['a foreign value in a mend', 'of another database', 'mend'],
  ] as const)(
    '%s does not travel, though ours is back when the side is asked',
    async (_what, value, manner) => {
      const attempt = await carried();
      await elsewhere(value);
      expect(await lookedAtSwapped(attempt, manner)).toEqual([{ kind: 'again' }]);
      expect(await v2.client.get(KEY)).toBe('ours');
      expect(attempt.breaker.suspects()).toEqual([]);
    },
  );

  test('the entry of a key that V2 deleted stays: the delete travels with the next look', async () => {
    const attempt = await carried();
    await elsewhere(null);
    await v2.client.del(KEY);
    expect(await lookedAtSwapped(attempt, 'change')).toEqual([{ kind: 'again' }]);
    await reconcile(attempt, nobody, [{ key: KEY, since: { target: 0 } }], 'change');
    expect(await v1.client.get(KEY)).toBeNull();
  });

  test('where the other database stays, the key is held, whatever it shows', async () => {
    const attempt = await carried();
    await elsewhere(null);
    await v2.client.del(KEY);
    await swap(v1);
    const both = { key: KEY, since: { source: 0, target: 0 } };
    expect(await reconcile(attempt, nobody, [both], 'change')).toEqual([{ kind: 'parked' }]);
    expect(attempt.breaker.suspects()).toMatchObject([{ side: 'source', keys: 1 }]);
  });
});
