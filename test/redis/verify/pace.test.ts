import { describe, expect, it } from 'vitest';
import { makeVerifyPace } from '../../../redis/verify/pace.ts';
import { makeSeenKeys } from '../../../redis/verify/scan-keys.ts';
import { eventually } from '../../support/eventually.ts';

const NEVER = new AbortController().signal;

describe('the pace of verification', () => {
  it('L14 keeps to the keys a second that the plan allows', async () => {
    const pace = makeVerifyPace({ keysPerSecond: () => 10_000 });
    const start = performance.now();
    for (let i = 0; i < 40; i++) await pace(100, NEVER);
    expect(performance.now() - start).toBeGreaterThan(300);
  });

  it('L14 stands still while held', async () => {
    let asked = 0;
    let held = true;
    let passed = false;
    const pace = makeVerifyPace({
      keysPerSecond: () => 0,
      held: () => {
        asked++;
        return held;
      },
    });
    const waiting = pace(1, NEVER).then(() => (passed = true));
    await eventually('the hold to be asked again and again', () => asked >= 3);
    expect(passed).toBe(false);
    held = false;
    await waiting;
  });

  it('L14 rests while something goes first, and looks at a batch now and then all the same (L7)', async () => {
    let first = true;
    const pace = makeVerifyPace({ keysPerSecond: () => 0, givesWay: () => first, restMs: 30 });
    const start = performance.now();
    await pace(1, NEVER);
    expect(performance.now() - start).toBeGreaterThanOrEqual(29);
    first = false;
    const again = performance.now();
    await pace(1, NEVER);
    expect(performance.now() - again).toBeLessThan(30);
  });

  it('L14 pays for the bytes that it read', async () => {
    let bytesRead = 0;
    const pace = makeVerifyPace({
      keysPerSecond: () => 0,
      bytesPerSecond: () => 10_000,
      bytesRead: () => bytesRead,
    });
    await pace(1, NEVER);
    bytesRead = 3_000;
    const start = performance.now();
    await pace(1, NEVER);
    expect(performance.now() - start).toBeGreaterThan(200);
  });

  it('ends at once when aborted, throttled or held', async () => {
    const stop = new AbortController();
    const throttled = makeVerifyPace({ keysPerSecond: () => 1 })(1_000, stop.signal);
    const held = makeVerifyPace({ keysPerSecond: () => 0, held: () => true })(1, stop.signal);
    stop.abort();
    await expect(throttled).rejects.toThrow(/abort/i);
    await expect(held).rejects.toThrow(/abort/i);
  });
});

describe('the keys that a pass has met', () => {
  it('each counts once, also at a hundred thousand that look alike', () => {
    const seen = makeSeenKeys(1);
    const keys = Array.from({ length: 100_000 }, (_, i) => `session:${i}`);
    expect(keys.filter((key) => seen.add(key))).toHaveLength(keys.length);
    expect(keys.filter((key) => seen.add(key))).toHaveLength(0);
  });
});
