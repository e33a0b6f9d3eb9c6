import { parseArgs } from 'node:util';
import { DAY_LENGTH, parseDayLength } from '../domain/plan/duration.ts';
import { PHASES, type Phase } from '../domain/plan/plan.ts';

export type RehearsalOptions = {
  readonly keys: number;
  /** Length of a day, in the format of `--day` of `jday start`. */
  readonly day: string;
  readonly abortAt: Phase | null;
  readonly corrupt: boolean;
  readonly shared: boolean;
  readonly busy: boolean;
  readonly keep: boolean;
  readonly seed: number;
};

export const USAGE = `npm start -- [--keys N] [--day D] [--abort-at PHASE] [--corrupt] [--shared] [--busy] [--keep] [--seed N]
  --keys N          keys to fill in, at least 1000 (20000)
  --day D           length of a day (1500ms)
  --abort-at PHASE  aborts when that phase is reached: ${PHASES.slice(0, -1).join(', ')}
  --corrupt         damages V2 after the flip, to show the automatic rollback
  --shared          one Redis server with databases 0, 1, 2 instead of three servers
  --busy            the machine has other work: the gates allow 5 s of lag and an impact of 100 %, and only 60 s of lag abort
  --keep            leaves everything running to play with, until Ctrl-C
  --seed N          the data of an earlier run again`;

/** @returns the options; or a text for the user: the usage, or a sentence that says what is wrong */
export function parseOptions(argv: readonly string[]): RehearsalOptions | string {
  try {
    const { values } = parseArgs({ args: [...argv], options: FLAGS, allowPositionals: false });
    const { day, corrupt, shared, busy, keep } = values;
    if (values.help) return USAGE;
    if (parseDayLength(day) === undefined) return `--day: expected ${DAY_LENGTH}, found "${day}"`;
    const abortAt = PHASES.slice(0, -1).find((phase) => phase === values['abort-at']) ?? null;
    if (values['abort-at'] !== undefined && abortAt === null)
      return `--abort-at: expected a phase from preflight to watch, found "${values['abort-at']}"`;
    if (abortAt !== null && corrupt)
      return '--abort-at and --corrupt end a rehearsal in two ways: choose one';
    const keys = wholeNumber(values.keys);
    if (keys === null || keys < 1_000)
      return `--keys: expected a whole number from 1000, found "${values.keys}"`;
    const seed = wholeNumber(values.seed ?? String(Date.now() % 1_000_000));
    if (seed === null) return `--seed: expected a whole number, found "${values.seed}"`;
    return { keys, day, abortAt, corrupt, shared, busy, keep, seed };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const FLAGS = {
  keys: { type: 'string', default: '20000' },
  day: { type: 'string', default: '1500ms' },
  'abort-at': { type: 'string' },
  corrupt: { type: 'boolean', default: false },
  shared: { type: 'boolean', default: false },
  busy: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  seed: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
