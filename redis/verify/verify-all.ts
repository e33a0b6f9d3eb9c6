import { makeVerifyPace } from './pace.ts';
import { Sweep, type SweepOptions } from './sweep.ts';

export type AllVerified = {
  /** Distinct keys found on either side, foreign and quarantined ones left out. */
  readonly compared: number;
  /** Those that differ for good, and those whose state could not be settled: unknown is red (L7). */
  readonly diverged: number;
};

/** One complete two-way check of all datasets of a link, with re-checks until each difference is stable. */
export async function verifyAll(
  options: Omit<SweepOptions, 'joined'>,
  signal: AbortSignal,
): Promise<AllVerified> {
  const joined = options.link.datasets.map(({ name }) => name);
  const sweep = new Sweep({ ...options, joined: () => joined });
  await sweep.pass(makeVerifyPace({ keysPerSecond: () => 0 }), () => {}, signal);
  const { equal, diverged, pending, hot } = sweep.status();
  const unequal = diverged + pending + hot;
  return { compared: equal + unequal, diverged: unequal };
}
