import { expect, test } from 'vitest';
import { pollLengthMs, quietMs } from '../../../domain/gates/poll-length.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/**
 * Scheduled, started and completed: three events of the activity, three of the workflow task after it, and one that tells
 * the new state.
 */
const EVENTS_A_LOOK = 7;

function looks(waitMs: number): number {
  let count = 0;
  for (let waited = 0; waited < waitMs; count += 1) waited += pollLengthMs(waited);
  return count;
}

test('the looks of a run of 14 days fit into 5 000 events with room to spare', () => {
  // Copy, sync to J-1, readiness to J-Day, sessions, validation, a day of waiting for an approval, the window.
  const phases = [6 * HOUR, 6 * DAY, DAY, 600_000, 600_000, DAY, 7 * DAY];
  const total = phases.reduce((sum, phase) => sum + looks(phase), 0);
  expect(total).toBeLessThan(160);
  expect(total * EVENTS_A_LOOK).toBeLessThan(1_120);
});

test('the looks of a run with days of two seconds are few as well', () => {
  expect(looks(12_000) + looks(2_000) + looks(14_000) + 4 * looks(5_000)).toBeLessThan(60);
});

test('a year of waiting for somebody stays below the limit of a history', () => {
  expect(looks(365 * DAY) * EVENTS_A_LOOK).toBeLessThan(6_000);
});

test('numbers are fresh at the beginning of a wait', () => {
  expect(looks(10_000)).toBeGreaterThanOrEqual(4);
});

test('something that comes and goes for a fortnight ends no more looks than a history can hold', () => {
  const told = (ms: number) => {
    let pieces = 0;
    for (let at = 0; at < ms; pieces += 1) at += Math.max(1_000, quietMs(pieces));
    return pieces;
  };
  expect(quietMs(0)).toBe(0);
  expect(told(60_000)).toBeGreaterThan(8);
  // Two looks for each piece of news: the one that it ends, and one that the doubled length of the look ends.
  expect(told(14 * DAY) * 2 * EVENTS_A_LOOK).toBeLessThan(5_000);
});
