import { expect, test } from 'vitest';
import { verifyAgainMs } from '../../../domain/gates/poll-length.ts';

const HOUR_MS = 3_600_000;

function verificationsIn(ms: number): number {
  let made = 0;
  for (let heldUpMs = 0; heldUpMs < ms; heldUpMs += verifyAgainMs(heldUpMs)) made += 1;
  return made;
}

test('differences that last for a minute, a night, a week: verifications that a history can hold, the last at most four hours ago', () => {
  expect(verificationsIn(60_000)).toBeLessThan(15);
  expect(verificationsIn(12 * HOUR_MS)).toBeLessThan(45);
  expect(verificationsIn(7 * 24 * HOUR_MS)).toBeLessThan(200);
  expect(verifyAgainMs(7 * 24 * HOUR_MS)).toBe(4 * HOUR_MS);
});
