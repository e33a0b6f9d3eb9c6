import { describe, expect, test } from 'vitest';
import { FULL, SEED } from '../../lanes/proofs.ts';
import { PROTOCOL, type Protocol } from '../explorer/bounds.ts';
import { MUTANTS } from '../explorer/mutants.ts';
import { live } from './live.ts';

const MANY = FULL ? 10_000 : 1_000;
test.runIf(SEED !== null)('one schedule, replayed', () => {
  const broken = live(Number(SEED));
  expect(broken && `${broken.law}\n${broken.trace.join('\n')}`).toBeNull();
});

describe.skipIf(SEED !== null)('random schedules', () => {
  test('L2 L3 L4 L5 L8: after apps, expiries, kills, lost feeds, flushes, evictions, older data and switches both sides agree', ({
    task,
  }) => {
    for (let seed = 1; seed <= MANY; seed++) {
      const broken = live(seed);
      if (broken) task.meta.seed = seed;
      if (broken) expect.fail(`JDAY_SEED=${seed}: ${broken.law}\n${broken.trace.join('\n')}`);
    }
    task.meta.proved = { schedules: MANY };
    task.meta.seed = 1;
  });

  const BELIEVING: Protocol = { ...PROTOCOL, rule: (step) => step };
  const lost = [
    'compare-and-set on the state',
    'the ledger',
    'the drain before the flip',
    'the mark of a key in hand',
  ];
  test.each([
    ...MUTANTS.filter(({ without }) => lost.includes(without)),
    { without: 'doubt of what a flushed server shows', protocol: BELIEVING },
  ])('find a broken law without $without', ({ protocol }) => {
    const seeds = Array.from({ length: 300 }, (_empty, seed) => seed);
    expect(seeds.some((seed) => live(seed, protocol) !== null)).toBe(true);
  });
});
