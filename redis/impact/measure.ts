/**
 * L14: what our work costs the apps, by comparing windows with our copy and verification on against windows with
 * both held. The windows alternate, and each pair turns the order of the one before (on off, off on, …), so that a
 * load that only rises or falls meanwhile cancels out. A baseline of another day would prove nothing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { impactOf, p95, type WindowPair } from '../../domain/impact.ts';
import type { ImpactStatus } from '../../domain/status.ts';
import type { Probe } from './probe.ts';

export type ImpactOptions = {
  readonly probe: Probe;
  /** Pauses (true) and resumes (false) copy and verification; may be asked for what already is. The sync goes on. */
  readonly hold: (held: boolean) => Promise<void>;
  readonly windowMs: number;
  /** Pairs of windows; below six the interval is the whole range. */
  readonly pairs: number;
  /** How long after `hold` resolved until the work really stands still or runs again, ms; not measured. */
  readonly settleMs?: number;
  /** Pause between two probes, ms. */
  readonly probeEveryMs?: number;
  /** Response time below which a difference is not felt, ms; see `impactOf`. */
  readonly floorMs?: number;
};

const PROBE_EVERY_MS = 10;

/** One measurement. However it ends, the work is not left held. */
export async function measureImpact(options: ImpactOptions, signal: AbortSignal): Promise<ImpactStatus> {
  const pairs: WindowPair[] = [];
  try {
    while (pairs.length < options.pairs) {
      const onFirst = pairs.length % 2 === 0;
      const first = await measureWindow(options, !onFirst, signal);
      const second = await measureWindow(options, onFirst, signal);
      pairs.push(onFirst ? { onMs: first, offMs: second } : { onMs: second, offMs: first });
    }
  } finally {
    await options.hold(false);
  }
  return impactOf(pairs, Date.now(), options.floorMs ?? 0);
}

/** p95 of a window, ms. */
async function measureWindow(options: ImpactOptions, held: boolean, signal: AbortSignal): Promise<number> {
  await options.hold(held);
  await delay(options.settleMs ?? 0, undefined, { signal });
  const samples: number[] = [];
  const until = performance.now() + options.windowMs;
  do {
    samples.push(await options.probe());
    await delay(options.probeEveryMs ?? PROBE_EVERY_MS, undefined, { signal });
  } while (performance.now() < until);
  return p95(samples);
}

/**
 * Measures every `everyMs` (from start to start) until aborted.
 *
 * @throws when a store fails
 */
export async function runImpact(
  options: ImpactOptions & { readonly everyMs: number },
  signal: AbortSignal,
  report: (status: ImpactStatus) => void,
): Promise<void> {
  try {
    for (;;) {
      const until = performance.now() + options.everyMs;
      report(await measureImpact(options, signal));
      await delay(Math.max(0, until - performance.now()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
