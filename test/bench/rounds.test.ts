import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runRounds } from '../../bench/rounds.ts';
import type { Contender, Scenario } from '../../bench/scenario.ts';
import { Seeds } from '../../bench/data-set.ts';
import { rowsOf } from '../../bench/summary.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const contender = (name: string, ...values: readonly number[]): Contender => {
  const left = [...values];
  return { name, run: async () => ({ speed: left.shift() ?? NaN }) };
};

async function rounds(count: number, contenders: readonly Contender[], deadlineMs = 5_000) {
  const folder = makeTempDir();
  const scenario: Scenario = {
    name: 'example',
    group: 'example',
    question: 'how fast',
    figures: [{ name: 'speed', unit: 'm/s', better: 'more' }],
    contenders,
    deadlineMs,
  };
  return runRounds(scenario, {
    rounds: count,
    profile: false,
    folder,
    seeds: new Seeds(folder),
    tell: () => undefined,
  });
}

test('every contender runs once in every round, in turning order', async () => {
  const { runs } = await rounds(3, [contender('jday', 1, 2, 3), contender('native', 4, 5, 6)]);
  expect(runs.map(({ round, contender: name }) => `${round} ${name}`)).toEqual([
    '1 jday',
    '1 native',
    '2 native',
    '2 jday',
    '3 jday',
    '3 native',
  ]);
});

test('a ratio is that of two runs of one round, told as median, least and greatest', async () => {
  const result = await rounds(3, [contender('jday', 10, 40, 90), contender('native', 10, 20, 30)]);
  expect(rowsOf(result, 'speed')).toEqual([
    { contender: 'jday', value: { median: 40, least: 10, greatest: 90 }, ratio: null },
    {
      contender: 'native',
      value: { median: 20, least: 10, greatest: 30 },
      ratio: { median: 2, least: 1, greatest: 3 },
    },
  ]);
});

test('a run that fails gets no figure and says why; its round gives no ratio', async () => {
  let turn = 0;
  const failing: Contender = {
    name: 'native',
    run: async () => {
      if (turn++ === 0) throw new Error('3 of 10 keys differ');
      return { speed: 10 };
    },
  };
  const result = await rounds(2, [contender('jday', 50, 50), failing]);
  expect(result.runs).toContainEqual({
    round: 1,
    contender: 'native',
    figures: null,
    reason: '3 of 10 keys differ',
  });
  expect(rowsOf(result, 'speed')[1]?.ratio).toEqual({ median: 5, least: 5, greatest: 5 });
});

test('a run that is late gets no figure, and the bench goes on', async () => {
  const late: Contender = { name: 'native', run: () => delay(60_000, { speed: 1 }, { ref: false }) };
  const { runs } = await rounds(1, [late, contender('jday', 7)], 50);
  expect(runs.map(({ figures, reason }) => figures ?? reason)).toEqual([
    'not done within 50 ms',
    { speed: 7 },
  ]);
});
