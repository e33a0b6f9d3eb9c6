import { parseArgs } from 'node:util';

export type BenchOptions = {
  /** Groups or names of scenarios; empty = all. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly keys: number;
  readonly seconds: number;
  readonly quick: boolean;
  readonly profile: boolean;
  readonly docs: boolean;
  readonly help: boolean;
};

export const BENCH_USAGE = `npm run bench -- [options]

  --only GROUPS   groups of scenarios with commas between them (all)
  --rounds N      interleaved rounds (5)
  --keys N        keys of the data set (300000)
  --seconds N     how long a load lasts (6)
  --quick         tiny sizes and one round: shows that it works, measures nothing, keeps no result
  --profile       CPU profile of our sync or verifier, kept under .jday/bench, and its top functions
  --docs          only writes the table of docs/benchmarks.md from the kept results
  --help          this
`;

/** @throws Error an option is unknown, or a number is not a whole one from 1 up */
export function optionsOf(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      keys: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const quick = values.quick;
  return {
    only: values.only.split(',').filter((group) => group !== ''),
    rounds: whole('--rounds', values.rounds ?? (quick ? '1' : '5')),
    keys: whole('--keys', values.keys ?? (quick ? '600' : '300000')),
    seconds: whole('--seconds', values.seconds ?? (quick ? '1' : '6')),
    quick,
    profile: values.profile,
    docs: values.docs,
    help: values.help,
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} wants a whole number from 1 up`);
  return value;
}
