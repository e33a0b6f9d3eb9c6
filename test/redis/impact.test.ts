import { describe, expect, it } from 'vitest';
import { isFreshImpact } from '../../domain/gates/fresh.ts';
import type { ImpactStatus } from '../../domain/gates/status.ts';
import { measureImpact, runImpact } from '../../redis/impact/measure.ts';
import { openProbe } from '../../redis/impact/probe.ts';
import { writeDated, readDated, timeAt } from '../../redis/state/dated-record.ts';
import { withRedis } from '../support/servers/redis.ts';

const redis = withRedis();
const other = withRedis();
const NEVER = new AbortController().signal;

/** A world whose response time depends only on whether our work is held. */
function simulated({ onMs, offMs }: { onMs: number; offMs: number }) {
  const holds: boolean[] = [];
  return {
    holds,
    probe: () => Promise.resolve(new Map([['v1', holds.at(-1) === true ? offMs : onMs]])),
    hold: (held: boolean) => Promise.resolve(void holds.push(held)),
  };
}

const SHORT = { windowMs: 5, probeEveryMs: 1 };
const HOUR_MS = 3_600_000;

/** Makes some measurements in a row. Returns when each began and how long it held our work. */
async function roundsOf(count: number, atOnceUntil = 0) {
  const stop = new AbortController();
  const world = simulated({ onMs: 1, offMs: 1 });
  const rounds: { startedAt: number; heldMs: number }[] = [];
  let [heldAt, reports] = [0, 0];
  const hold = async (held: boolean) => {
    if (!held && world.holds.at(-1) !== true && rounds.length === reports) {
      rounds.push({ startedAt: performance.now(), heldMs: 0 });
    }
    await world.hold(held);
    heldAt = performance.now();
  };
  const probe = () => {
    const round = rounds.at(-1);
    if (round && world.holds.at(-1) === true) {
      round.heldMs += performance.now() - heldAt;
      heldAt = performance.now();
    }
    return world.probe();
  };
  const waits = { atOnce: () => reports < atOnceUntil, everyMs: () => (reports < atOnceUntil ? HOUR_MS : 0) };
  await runImpact({ hold, probe, ...SHORT, pairs: 2, ...waits }, stop.signal, async () => {
    reports++;
    if (reports === count) stop.abort();
  });
  return rounds;
}

describe('L14 the impact on the apps', () => {
  it('compares windows with our work on and held, in alternating order, and leaves the work on', async () => {
    const world = simulated({ onMs: 1.2, offMs: 1 });
    const { status } = await measureImpact({ ...world, ...SHORT, pairs: 4 }, NEVER);
    expect(status.percent).toBeCloseTo(20);
    expect(status.windows).toBe(4);
    expect(world.holds).toEqual([false, false, true, true, false, false, true, true, false, false]);
  });

  it('gives the work free when a probe fails, and when it is aborted', async () => {
    const failing = simulated({ onMs: 1, offMs: 1 });
    const probe = () =>
      failing.holds.at(-1) === true
        ? Promise.reject(new Error('gone'))
        : Promise.resolve(new Map([['v1', 1]]));
    await expect(measureImpact({ ...failing, probe, ...SHORT, pairs: 1 }, NEVER)).rejects.toThrow('gone');
    expect(failing.holds).toEqual([false, false, true, false]);

    const aborted = simulated({ onMs: 1, offMs: 1 });
    const stop = new AbortController();
    const hold = async (held: boolean) => {
      await aborted.hold(held);
      if (held) stop.abort();
    };
    await expect(measureImpact({ ...aborted, hold, ...SHORT, pairs: 3 }, stop.signal)).rejects.toThrow();
    expect(aborted.holds).toEqual([false, false, true, false]);
  });

  it('measures again and again until it is aborted, then ends in peace', async () => {
    const stop = new AbortController();
    const reports: ImpactStatus[] = [];
    const world = simulated({ onMs: 3, offMs: 2 });
    await runImpact({ ...world, ...SHORT, pairs: 2, everyMs: () => 1 }, stop.signal, async (status) => {
      reports.push(status);
      if (reports.length === 3) stop.abort();
    });
    expect(reports.map(({ percent }) => Math.round(percent))).toEqual([50, 50, 50]);
    expect(world.holds.at(-1)).toBe(false);
  });

  it('is as old as its begin when it is told, so that one whose process stood still is not told as new (L7)', async () => {
    const stop = new AbortController();
    const word = 'jday:test:impact';
    const world = simulated({ onMs: 3, offMs: 2 });
    let beganAt = Number.POSITIVE_INFINITY;
    const hold = async (held: boolean) => {
      beganAt = Math.min(beganAt, performance.now());
      await world.hold(held);
    };
    let took = 0;
    const options = { ...world, hold, windowMs: 50, probeEveryMs: 1, pairs: 2, everyMs: () => 1 };
    const clock = () => timeAt(redis.client, word);
    await runImpact({ ...options, clock }, stop.signal, async (status, saidAtMs) => {
      took = performance.now() - beganAt;
      await writeDated(redis.client, word, status, saidAtMs);
      stop.abort();
    });
    // The server's clock counts whole ms here.
    expect((await readDated<ImpactStatus>(redis.client, word))?.ageMs).toBeGreaterThanOrEqual(took - 2);
  });

  it('is not believed when it is old, or comes from the future (L7)', () => {
    expect([-1, 0, 900_000, 900_001].map(isFreshImpact)).toEqual([false, true, true, false]);
  });

  it('holds our work for at most 5 % of the time', async () => {
    const rounds = await roundsOf(4);
    expect(rounds).toHaveLength(4);
    for (const [i, { startedAt, heldMs }] of rounds.slice(0, -1).entries()) {
      expect(heldMs).toBeGreaterThan(0);
      expect((rounds[i + 1]?.startedAt ?? 0) - startedAt).toBeGreaterThan(20 * heldMs - 20);
    }
  });

  it('does not wait for what must be known at once, and takes its 5 % afterwards', async () => {
    const [first, second, third, fourth] = await roundsOf(4, 3);
    if (!first || !second || !third || !fourth) throw new Error('four rounds were asked for');
    const held = first.heldMs + second.heldMs + third.heldMs;
    expect(fourth.startedAt - first.startedAt).toBeGreaterThan(20 * held - 60);
  });

  it('the probe sees of each store what its apps would: a server that does not answer for a while', async () => {
    const store = (name: string, url: string) => ({ name, side: 'source', url, appUsers: [] }) as const;
    const stores = [store('v1', redis.server.url()), store('nexten', other.server.url())];
    const { probe, close } = await openProbe(stores, {}, 'jday:test:probe:impact');
    try {
      await probe();
      await redis.client.client('PAUSE', 200, 'ALL');
      const paused = await probe();
      expect(paused.get('v1')).toBeGreaterThan(150);
      expect(paused.get('nexten')).toBeLessThan(150);
      const after = [await probe(), await probe(), await probe()];
      expect(Math.min(...after.map((one) => one.get('v1') ?? Infinity))).toBeLessThan(150);
    } finally {
      await close();
    }
  });

  it('L7 a store that does not answer at all is an error, not a fast answer', async () => {
    const gone = { name: 'v1', side: 'source', url: 'redis://127.0.0.1:1', appUsers: [] } as const;
    const { probe, close } = await openProbe([gone], {}, 'jday:test:probe:impact');
    await expect(probe()).rejects.toThrow('store v1: connection refused');
    await close();
  });
});
