import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LEAST_BATCH_KEYS,
  MOST_BATCH_KEYS,
  nextBatchKeys,
  type Throttle,
} from '../../../domain/plan/throttle.ts';
import type { ImpactStatus } from '../../../domain/gates/status.ts';
import {
  type Brake,
  braked,
  brakeWords,
  isUndecided,
  LEAST_SHARE,
  nextBrake,
  RELEASED,
  UNLIMITED_KEYS,
} from '../../../domain/gates/brake.ts';

const LIMIT = 5;
const felt = (percent: number, low = percent - 2, high = percent + 2): ImpactStatus => ({
  percent,
  low,
  high,
  windows: 6,
});
/** Measurements whose interval holds the limit: nobody knows on which side of it the impact is. */
const NOISE = [
  felt(186, -9, 1_530),
  felt(133, -20, 233),
  felt(257, 4.9, 900),
  felt(4.9, 4, 6),
  felt(4, 3, 5),
];
const after = (...measured: readonly ImpactStatus[]): Brake =>
  measured.reduce((brake, impact) => nextBrake(brake, impact, LIMIT), RELEASED);

const impacts = fc
  .tuple(
    fc.double({ min: -50, max: 200, noNaN: true }),
    fc.double({ min: 0, max: 50, noNaN: true }),
    fc.double({ min: 0, max: 50, noNaN: true }),
  )
  .map(([percent, below, above]) => felt(percent, percent - below, percent + above));
const brakes = fc.array(impacts, { maxLength: 30 }).map((measured) => after(...measured));
const bounds: fc.Arbitrary<Throttle> = fc.record({
  copyKeysPerSecond: fc.nat(1_000_000),
  copyBytesPerSecond: fc.nat(1_000_000_000),
  verifyKeysPerSecond: fc.nat(1_000_000),
  verifyBytesPerSecond: fc.nat(1_000_000_000),
  batchMs: fc.double({ min: 0.1, max: 2, noNaN: true }),
});

describe('L14 the brake on our own work', () => {
  it('does not act on a few pairs of windows, however high they are (L7)', () => {
    const few = { ...felt(90, 80), windows: 5 };
    expect(after(few, few, few)).toEqual(RELEASED);
    expect(after(felt(90, 80), felt(90, 80)).share).toBe(0);
  });

  it('is off while the apps feel nothing', () => {
    expect(after(felt(0), felt(2.9), felt(-4))).toEqual(RELEASED);
  });

  it('never slows the work on noise: an interval that holds the limit is no proof, however high its median', () => {
    expect(after(...NOISE, ...NOISE)).toEqual(RELEASED);
    const slowed = after(felt(9, 6), felt(9, 6), felt(1));
    expect(slowed.share).toBe(LEAST_SHARE);
    for (const noise of NOISE) expect(nextBrake(slowed, noise, LIMIT).share).toBe(2 * LEAST_SHARE);
    fc.assert(
      fc.property(brakes, impacts, (before, impact) => {
        fc.pre(impact.low <= LIMIT);
        return nextBrake(before, impact, LIMIT).share >= before.share;
      }),
    );
  });

  it('halves the pace where all of the interval is above the limit, and gives an eighth back where all is below', () => {
    expect(after(felt(9, 6)).share).toBe(1 / 2);
    expect(after(felt(9, 6), felt(1), felt(9, 6)).share).toBe(5 / 16);
    expect(after(felt(9, 6), felt(1)).share).toBe(5 / 8);
    expect(after(felt(9, 6), felt(4, 3, 4.99)).share).toBe(5 / 8);
    expect(after(felt(9, 6), felt(4, 3, 5)).share).toBe(1 / 2 + 1 / 64);
  });

  it('takes half an hour of noise to undo one halving, and gives it back in the end', () => {
    const noisy = (count: number) => Array.from({ length: count }, () => felt(133, -20, 233));
    expect(after(felt(9, 6), ...noisy(31)).share).toBeLessThan(1);
    expect(after(felt(9, 6), ...noisy(32))).toEqual(RELEASED);
  });

  it('pauses when twice in a row all of the interval lies above the limit, once is no proof', () => {
    expect(after(felt(9, 6)).share).toBe(1 / 2);
    expect(after(felt(9, 6), felt(9, 6)).share).toBe(0);
    expect(after(felt(9, 6), felt(1), felt(9, 6)).share).toBeGreaterThan(0);
  });

  it('ends a pause with the next measurement, whatever that says, at the least pace', () => {
    fc.assert(
      fc.property(impacts, (impact) => {
        const brake = nextBrake(after(felt(9, 6), felt(9, 6)), impact, LIMIT);
        return brake.share === LEAST_SHARE && brakeWords(brake) !== null;
      }),
    );
  });

  it('is undecided after one proof and in a pause, and at most three measurements long', () => {
    expect(isUndecided(after(felt(9, 6)))).toBe(true);
    expect(isUndecided(after(felt(9, 6), felt(9, 6)))).toBe(true);
    expect([RELEASED, after(...NOISE), after(felt(9, 6), felt(1))].some(isUndecided)).toBe(false);
    fc.assert(
      fc.property(brakes, fc.array(impacts, { minLength: 3, maxLength: 3 }), (before, measured) => {
        const met = measured.map((_, i) =>
          measured.slice(0, i + 1).reduce((brake, impact) => nextBrake(brake, impact, LIMIT), before),
        );
        return !met.every(isUndecided);
      }),
    );
  });

  it('is never above the bound and never 0 twice', () => {
    fc.assert(
      fc.property(brakes, impacts, (before, impact) => {
        const next = nextBrake(before, impact, LIMIT);
        return next.share <= 1 && (next.share >= LEAST_SHARE || (next.share === 0 && before.share > 0));
      }),
    );
  });

  it('reacts monotonously: what is felt more never leaves a higher pace', () => {
    fc.assert(
      fc.property(brakes, impacts, fc.double({ min: 0, max: 100, noNaN: true }), (before, impact, more) => {
        const { percent, low, high } = impact;
        const stronger = felt(percent + more, low + more, high + more);
        return nextBrake(before, stronger, LIMIT).share <= nextBrake(before, impact, LIMIT).share;
      }),
    );
  });

  it('recovers from everything within ten good measurements', () => {
    fc.assert(
      fc.property(brakes, (before) => {
        let brake = before;
        for (let i = 0; i < 10; i++) brake = nextBrake(brake, felt(0), LIMIT);
        return brake === RELEASED;
      }),
    );
  });

  it('says why as long as it is on, and nothing when it is off', () => {
    fc.assert(fc.property(brakes, (brake) => (brakeWords(brake) === null) === (brake.share === 1)));
    expect(brakeWords(after(felt(7.123)))).toBe(
      'slowed to 50 %: the apps answer 5.1 to 9.1 % slower, the limit is 5 %',
    );
    expect(brakeWords(after(felt(8), felt(133, -20, 233)))).toBe(
      'slowed to 52 %: grows slowly, nothing is proven: the apps answer −20 to 233 % slower, the limit is 5 %',
    );
  });

  it('the bounds under it are never above the asked ones, and never "no limit" where there was one', () => {
    fc.assert(
      fc.property(bounds, brakes, (asked, brake) => {
        const held = braked(asked, brake);
        return (Object.keys(asked) as (keyof Throttle)[]).every((name) => {
          const most = asked[name] === 0 ? UNLIMITED_KEYS : asked[name];
          return held[name] <= most && (asked[name] === 0 || held[name] > 0);
        });
      }),
    );
  });

  it('what has no limit has one under the brake', () => {
    const unlimited = {
      copyKeysPerSecond: 0,
      copyBytesPerSecond: 0,
      verifyKeysPerSecond: 0,
      verifyBytesPerSecond: 0,
      batchMs: 2,
    };
    expect(braked(unlimited, RELEASED)).toBe(unlimited);
    expect(braked(unlimited, after(felt(9, 6)))).toMatchObject({
      copyKeysPerSecond: UNLIMITED_KEYS / 2,
      verifyKeysPerSecond: UNLIMITED_KEYS / 2,
    });
  });
});

describe('L14 the size of a batch', () => {
  const micros = fc.double({ min: 0, max: 10_000, noNaN: true });
  const sizes = fc.integer({ min: LEAST_BATCH_KEYS, max: MOST_BATCH_KEYS });

  it('keeps a call within its server time, or is the least', () => {
    fc.assert(
      fc.property(sizes, micros, fc.double({ min: 0.1, max: 2, noNaN: true }), (before, micro, batchMs) => {
        const keys = nextBatchKeys(before, micro, batchMs);
        return keys === LEAST_BATCH_KEYS || (keys <= MOST_BATCH_KEYS && keys * micro <= batchMs * 1_000);
      }),
    );
  });

  it('shrinks at once and grows by and by', () => {
    expect(nextBatchKeys(64, 100, 2)).toBe(20);
    expect(nextBatchKeys(20, 10, 2)).toBe(28);
    expect(nextBatchKeys(60, 10, 2)).toBe(64);
  });

  it('stays where nothing ran', () => {
    expect(nextBatchKeys(17, null, 2)).toBe(17);
  });
});
