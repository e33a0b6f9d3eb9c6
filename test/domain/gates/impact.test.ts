import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  impactOf,
  impactWords,
  medianInterval,
  p95,
  percentDifference,
  pointOf,
  standingOf,
} from '../../../domain/gates/impact.ts';

describe('L14 impact as a statistic', () => {
  it('p95 is the nearest rank: nineteen of twenty samples do not exceed it', () => {
    const samples = Array.from({ length: 20 }, (_, i) => 20 - i);
    expect(p95(samples)).toBe(19);
    expect(p95([7])).toBe(7);
  });

  it('the percent difference is set against the window without our work, or the floor where that is less', () => {
    expect(percentDifference({ onMs: 11, offMs: 10 }, 0)).toBeCloseTo(10);
    expect(percentDifference({ onMs: 9, offMs: 10 }, 0)).toBeCloseTo(-10);
    expect(percentDifference({ onMs: 0.4, offMs: 0.2 }, 10)).toBeCloseTo(2);
  });

  // The 95 % interval goes from the k-th smallest to the k-th largest value; k is from tables of the sign test.
  it.each([
    [1, 1],
    [2, 1],
    [5, 1],
    [6, 1],
    [8, 1],
    [9, 2],
    [11, 2],
    [12, 3],
    [15, 4],
    [20, 6],
    [25, 8],
    [30, 10],
    [50, 18],
  ])('of %i values the interval leaves out %i − 1 at each end', (n, rank) => {
    const values = Array.from({ length: n }, (_, i) => i + 1);
    expect(medianInterval(values)).toEqual({ median: (n + 1) / 2, low: rank, high: n + 1 - rank });
  });

  it('the interval holds the median, and one wild window moves neither far', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -100, max: 100 }), { minLength: 1, maxLength: 60 }),
        (values) => {
          const { low, median, high } = medianInterval(values);
          return low <= median && median <= high;
        },
      ),
    );
    expect(medianInterval([1, 1, 1, 1, 1, 1, 1, 1, 1_000])).toEqual({ median: 1, low: 1, high: 1 });
  });

  it('L7 nothing measured is an error, not 0 %', () => {
    expect(() => impactOf(new Map([['v1', []]]), 0)).toThrow(RangeError);
    expect(() => p95([])).toThrow(RangeError);
  });

  it('counts its pairs, and says how the store felt them', () => {
    const pairs = [
      { onMs: 2, offMs: 1 },
      { onMs: 1, offMs: 1 },
      { onMs: 1.5, offMs: 1 },
    ];
    const v1 = { store: 'v1', percent: 50, low: 0, high: 100 };
    expect(impactOf(new Map([['v1', pairs]]), 0)).toEqual({
      percent: 50,
      low: 0,
      high: 100,
      windows: 3,
      stores: [v1],
    });
  });

  it.each([
    [1, 0.2, 2.1, 'below', 1, '1 %'],
    [1.234, -0.5, 4.5, 'below', 1.234, '1.2 %'],
    [5.1, 4.9, 5.3, 'unknown', 5.1, '5.1 %'],
    [3, -9, 4.9, 'below', null, 'below 5 % (−9 to 4.9 %)'],
    [133, -20, 233, 'unknown', null, 'not measurable here (−20 to 233 %)'],
    [186, 12, 1_530, 'above', null, 'above 5 % (12 to 1530 %)'],
  ] as const)(
    'a median of %d %% between %d and %d %% lies %s: shown as a figure only where its interval is no wider than the limit',
    (percent, low, high, standing, point, words) => {
      const status = { percent, low, high, windows: 9 };
      expect(standingOf(status, 5)).toBe(standing);
      expect(pointOf(status, 5)).toBe(point);
      expect(impactWords(status, 5)).toBe(words);
      expect(standingOf({ ...status, windows: 5 }, 5)).toBe('unknown');
    },
  );

  it('of several stores the greatest figure of each kind counts, and each is told', () => {
    const of = (onMs: number) => Array.from({ length: 6 }, () => ({ onMs, offMs: 1 }));
    const status = impactOf(
      new Map([
        ['v1', of(1.1)],
        ['nexten', of(1.5)],
        ['v2', of(0.9)],
      ]),
      0,
    );
    expect(status).toMatchObject({ percent: 50, low: 50, high: 50, windows: 6 });
    expect(status.stores?.map(({ store, percent }) => [store, Math.round(percent)])).toEqual([
      ['v1', 10],
      ['nexten', 50],
      ['v2', -10],
    ]);
  });
});
