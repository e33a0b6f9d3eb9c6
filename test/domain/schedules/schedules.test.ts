import { describe, expect, test } from 'vitest';
import { FULL } from '../../lanes/proofs.ts';
import { PROTOCOL, type Protocol } from '../explorer/bounds.ts';
import { MUTANTS } from '../explorer/mutants.ts';
import { live } from './live.ts';

/**
 * `SCHEDULE_SEED=n` replays one schedule and shows what happened. `SCHEDULES=n` runs n schedules, from the seed
 * `SCHEDULES_FROM` on.
 */
const ONLY = process.env.SCHEDULE_SEED;
const FROM = Number(process.env.SCHEDULES_FROM ?? 1);
const MANY = Number(process.env.SCHEDULES ?? (FULL ? 10_000 : 1_000));
/** A schedule takes some ms on an idle machine. */
const PATIENCE_MS = 300_000 + MANY * 10;

test.runIf(ONLY)('one schedule, replayed', () => {
  const broken = live(Number(ONLY));
  expect(broken && `${broken.law}\n${broken.trace.join('\n')}`).toBeNull();
});

describe.skipIf(ONLY)('random schedules', () => {
  test(
    'L2 L3 L4 L5 L8: after apps, expiries, kills, lost feeds, flushes, evictions, older data and switches both sides agree',
    () => {
      for (let seed = FROM; seed < FROM + MANY; seed++) {
        const broken = live(seed);
        if (broken) expect.fail(`SCHEDULE_SEED=${seed}: ${broken.law}\n${broken.trace.join('\n')}`);
      }
    },
    PATIENCE_MS,
  );

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
  ])(
    'find a broken law without $without',
    ({ protocol }) => {
      const seeds = Array.from({ length: 300 }, (_empty, seed) => seed);
      expect(seeds.some((seed) => live(seed, protocol) !== null)).toBe(true);
    },
    PATIENCE_MS,
  );
});
