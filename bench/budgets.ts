/** A promise of the project in numbers, and which figure of which scenario keeps it. */
export type Budget = {
  readonly what: string;
  readonly scenario: string;
  readonly figure: string;
  readonly limit: number;
  readonly kept: 'at least' | 'at most';
  readonly unit: string;
  /** Which of the rounds decides: a percentile over rare events is only as good as the worst of them. */
  readonly decides: 'median' | 'worst';
};

const atLeast = { kept: 'at least', decides: 'median' } as const;
const atMost = { kept: 'at most', decides: 'median' } as const;
const never = { kept: 'at most', decides: 'worst' } as const;
const SIZES = [10_000, 100_000, 1_000_000];

export const BUDGETS: readonly Budget[] = [
  {
    what: 'initial copy, mixed types, ledger included',
    scenario: 'copy',
    figure: 'keysPerSecond',
    limit: 60_000,
    unit: 'keys/s',
    ...atLeast,
  },
  {
    what: 'lag p50 at 5 000 writes/s, split over both sides',
    scenario: 'lag-both-5000',
    figure: 'p50Ms',
    limit: 1,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p99 at 5 000 writes/s, split over both sides',
    scenario: 'lag-both-5000',
    figure: 'p99Ms',
    limit: 10,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p50 at 5 000 writes/s, one way',
    scenario: 'lag-5000',
    figure: 'p50Ms',
    limit: 1,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p99 at 5 000 writes/s, one way',
    scenario: 'lag-5000',
    figure: 'p99Ms',
    limit: 10,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p99 at 20 000 writes/s, split over both sides',
    scenario: 'lag-both-20000',
    figure: 'p99Ms',
    limit: 100,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'verification of whole values with expiry, through the transform',
    scenario: 'verify',
    figure: 'keysPerSecond',
    limit: 80_000,
    unit: 'keys/s',
    ...atLeast,
  },
  ...SIZES.flatMap((keys) => [
    {
      what: `writes blocked at cutover, ${spaced(keys)} keys, 1 000 writes/s`,
      scenario: `fence-${keys}`,
      figure: 'cutoverBlockedMs',
      limit: 100,
      unit: 'ms',
      ...never,
    },
    {
      what: `writes blocked at rollback, ${spaced(keys)} keys, 1 000 writes/s`,
      scenario: `fence-${keys}`,
      figure: 'rollbackBlockedMs',
      limit: 1_000,
      unit: 'ms',
      ...never,
    },
  ]),
  {
    what: 'rollback as a whole, 1 000 000 keys',
    scenario: 'fence-1000000',
    figure: 'rollbackWholeMs',
    limit: 10_000,
    unit: 'ms',
    ...never,
  },
  {
    what: 'worker killed -9 until synced again, 300 000 keys, 1 000 writes/s',
    scenario: 'recovery',
    figure: 'seconds',
    limit: 10,
    unit: 's',
    ...never,
  },
  {
    what: 'memory of the worker at 1 000 000 keys',
    scenario: 'size-1000000',
    figure: 'toolPeakMb',
    limit: 300,
    unit: 'MB',
    ...never,
  },
];

export function spaced(value: number): string {
  return value.toLocaleString('en-US').replaceAll(',', ' ');
}
