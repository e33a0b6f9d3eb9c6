import { describe, expect, it } from 'vitest';
import { parseDayLength, parseDuration, showDuration } from '../../../domain/plan/duration.ts';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 'm', '5 m', '-1s', '5w', '1h30m', '1e3s', '.5s', '366d', '99999999999999999999d'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it.each(['0s', '8d', '1h30m'])('%j is no length of a day', (text) => {
    expect(parseDayLength(text)).toBeUndefined();
    expect(parseDayLength('7d')).toBe(604_800_000);
  });

  it.each([
    [8, '8 ms'],
    [1_400, '1.4 s'],
    [90_000, '90 s'],
    [300_000, '5 min'],
    [86_400_000, '24 h'],
    [604_800_000, '7 d'],
  ])('%d ms reads %s', (ms, shown) => {
    expect(showDuration(ms)).toBe(shown);
  });
});
