import { describe, expect, it } from 'vitest';
import type { ImpactStatus } from '../../domain/status.ts';
import { measureImpact, runImpact } from '../../redis/impact/measure.ts';
import { openProbe } from '../../redis/impact/probe.ts';
import { withRedis } from '../support/redis.ts';

const redis = withRedis();
const NEVER = new AbortController().signal;

/** A world whose response time depends only on whether our work is held. */
function simulated({ onMs, offMs }: { onMs: number; offMs: number }) {
  const holds: boolean[] = [];
  return {
    holds,
    probe: () => Promise.resolve(holds.at(-1) === true ? offMs : onMs),
    hold: (held: boolean) => Promise.resolve(void holds.push(held)),
  };
}

const SHORT = { windowMs: 5, probeEveryMs: 1 };

describe('L14 the impact on the apps', () => {
  it('compares windows with our work on and held, in alternating order, and leaves the work on', async () => {
    const world = simulated({ onMs: 1.2, offMs: 1 });
    const status = await measureImpact({ ...world, ...SHORT, pairs: 4 }, NEVER);
    expect(status.percent).toBeCloseTo(20);
    expect(status.windows).toBe(4);
    expect(world.holds).toEqual([false, true, true, false, false, true, true, false, false]);
  });

  it('gives the work free when a probe fails, and when it is aborted', async () => {
    const failing = simulated({ onMs: 1, offMs: 1 });
    const probe = () =>
      failing.holds.at(-1) === true ? Promise.reject(new Error('gone')) : Promise.resolve(1);
    await expect(measureImpact({ ...failing, probe, ...SHORT, pairs: 1 }, NEVER)).rejects.toThrow('gone');
    expect(failing.holds).toEqual([false, true, false]);

    const aborted = simulated({ onMs: 1, offMs: 1 });
    const stop = new AbortController();
    const hold = async (held: boolean) => {
      await aborted.hold(held);
      if (held) stop.abort();
    };
    await expect(measureImpact({ ...aborted, hold, ...SHORT, pairs: 3 }, stop.signal)).rejects.toThrow();
    expect(aborted.holds).toEqual([false, true, false]);
  });

  it('measures again and again until it is aborted, then ends in peace', async () => {
    const stop = new AbortController();
    const reports: ImpactStatus[] = [];
    const world = simulated({ onMs: 3, offMs: 2 });
    await runImpact({ ...world, ...SHORT, pairs: 2, everyMs: 1 }, stop.signal, (status) => {
      reports.push(status);
      if (reports.length === 3) stop.abort();
    });
    expect(reports.map(({ percent }) => Math.round(percent))).toEqual([50, 50, 50]);
    expect(world.holds.at(-1)).toBe(false);
  });

  it('the probe sees what an app would: a server that does not answer for a while', async () => {
    const store = { name: 'v1', side: 'source', url: redis.server.url(), appUsers: [] } as const;
    const { probe, close } = openProbe(store, {}, 'jday:test:probe:impact');
    try {
      await probe();
      await redis.client.client('PAUSE', 200, 'ALL');
      expect(await probe()).toBeGreaterThan(150);
      expect(Math.min(await probe(), await probe(), await probe())).toBeLessThan(150);
    } finally {
      await close();
    }
  });
});
