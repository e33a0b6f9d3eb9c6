import { expect, test } from 'vitest';
import { lookLengthMs } from '../../domain/look-length.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** An activity and the workflow task after it: scheduled, started, completed of each. */
const EVENTS_A_LOOK = 6;

function looks(waitMs: number): number {
  let count = 0;
  for (let waited = 0; waited < waitMs; count += 1) waited += lookLengthMs(waited);
  return count;
}

test('the looks of a run of 14 days fit into 5 000 events with room to spare', () => {
  // Copy, sync to J-1, readiness to J-Day, sessions, validation, a day of waiting for somebody, the window.
  const phases = [6 * HOUR, 6 * DAY, DAY, 600_000, 600_000, DAY, 7 * DAY];
  const total = phases.reduce((sum, phase) => sum + looks(phase), 0);
  expect(total).toBeLessThan(350);
  expect(total * EVENTS_A_LOOK).toBeLessThan(2_100);
});

test('the looks of a run with days of two seconds are few as well', () => {
  expect(looks(12_000) + looks(2_000) + looks(14_000) + 4 * looks(5_000)).toBeLessThan(100);
});

test('a year of waiting for somebody stays below the limit of a history', () => {
  expect(looks(365 * DAY) * EVENTS_A_LOOK).toBeLessThan(20_000);
});

test('numbers are fresh at the beginning of a wait', () => {
  expect(looks(10_000)).toBeGreaterThanOrEqual(6);
});
