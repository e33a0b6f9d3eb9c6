import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { writeLarge } from '../../support/values/large-values.ts';
import { sameKey } from '../../support/values/same-key.ts';
import { startSyncProcess, type SyncProcess } from '../../support/processes/start-sync-process.ts';
import type { Trap } from '../../support/processes/sync-process.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);

describe('a worker in a process of its own', () => {
  const config = { 'slowlog-log-slower-than': '5000', 'slowlog-max-len': '1000' };
  const world = withSyncWorld({ v1: { config }, v2: { config } });
  const started: SyncProcess[] = [];
  afterEach(async () => {
    for (const one of started.splice(0)) await one.kill();
  });
  const start = async (trap?: Trap) => {
    await world.claim();
    const one = await startSyncProcess({ kind: 'run', plan, environment: world.environment() }, trap);
    started.push(one);
    return one;
  };
  const synced = (sync: SyncProcess) =>
    eventually(
      'nothing pending',
      () => sync.status()?.pending.toTarget === 0 && sync.status()?.pending.toSource === 0,
    );

  const carried = (sync: SyncProcess, at: number) =>
    eventually(
      'the round',
      async () => {
        if ((await world.v2.client.pexpiretime('match:huge')) === at) return true;
        throw new Error(`${JSON.stringify(sync.status())}, attempts ended by ${sync.ended.join(', ')}`);
      },
      { withinMs: 100_000 },
    );

  test.each([
    { type: 'string', count: 6_553_600 },
    // The others have fewer elements, to save time: the limits hold for one piece, and a piece is no larger for a
    // million elements.
    { type: 'list', count: 200_000 },
    { type: 'hash', count: 50_000 },
    { type: 'set', count: 50_000 },
    { type: 'zset', count: 50_000 },
    { type: 'stream', count: 30_000 },
  ] as const)(
    'carries a $type of $count elements without holding a server up for 5 ms, in bounded memory (L14)',
    async ({ type, count }) => {
      const { v1, v2 } = world;
      await writeLarge(v1.client, 'match:huge', type, count);
      // A busy machine slows down other calls in each round. A stall that our work causes is in every round.
      let inEach: ReadonlySet<string> | null = null;
      let sync: SyncProcess | null = null;
      for (let round = 0; inEach?.size !== 0 && round < 5; round++) {
        for (const { client } of [v1, v2]) {
          await client.slowlog('RESET');
          await client.config('RESETSTAT');
        }
        const at = Date.now() + 600_000;
        await v1.client.pexpireat('match:huge', at);
        sync ??= await start();
        await carried(sync, at);
        await synced(sync);
        const slow = [...(await slowOnes('V1', v1.client)), ...(await slowOnes('V2', v2.client))];
        inEach = new Set(slow.filter((one) => inEach?.has(one) ?? true));
      }
      expect([...(inEach ?? [])]).toEqual([]);
      expect(await v2.client.memory('USAGE', 'match:huge')).toBeGreaterThan(count * 10);
      expect(peakMb(sync?.pid ?? 0)).toBeLessThan(350);
    },
  );

  test.each(['before apply target', 'applied target', 'shadow built'] as const)(
    'killed -9 at “%s” of a large key: the next one carries it, nothing of it is left over (L8)',
    async (step) => {
      const { v1, v2 } = world;
      await writeLarge(v1.client, 'match:large', 'hash', 12_000);
      const killed = await start({ step, signal: 'SIGKILL' });
      await killed.trapped(step);
      const next = await start();
      await sameKey(v1.client, v2.client, 'match:large');
      await next.live();
      await synced(next);
      expect(await v2.client.keys('jday:test:shadow:*')).toEqual([]);
      expect(next.status()?.conflicts).toBe(0);
    },
  );
});

/**
 * What took a server more than 5 ms since the last reset:
 * - Each slow call, named by its first arguments. Most walks come in the same pieces in each round, so a call that is
 *   slow because of our work has the same name in each round.
 * - Each command of which more than 2 % of the calls were slow, for walks that come in other pieces.
 *
 * The server's clock also counts the time for which a busy machine takes the core away. This hits a long call more
 * often than a short one, so the slowest trivial command would be no fair limit.
 */
async function slowOnes(side: string, redis: Redis): Promise<string[]> {
  const entries = (await redis.slowlog('GET', 1_000)) as [number, number, number, string[]][];
  const names = entries.map(([, , , [name = '']]) => name.toLowerCase());
  const stats = await redis.info('commandstats');
  const callsOf = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  const often = [...new Set(names)].filter(
    (name) => names.filter((one) => one === name).length > 0.02 * callsOf(name),
  );
  const calls = entries.map(([, , , words]) => words.slice(0, 4).map(withoutAttempt).join(' '));
  return [...often, ...calls].map((one) => `${side}: ${one}`);
}

/** Cuts the part of a shadow key's name that differs from round to round. */
function withoutAttempt(word: string): string {
  return word.replace(/^(jday:test:shadow):.*/, '$1');
}

/** The most memory that the process has used, MB. */
function peakMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}
