/**
 * L14: what our work costs the apps, by comparing windows with our copy and verification on against windows with
 * both held. The windows alternate, and each pair turns the order of the one before (on off, off on, …), so that a
 * load that only rises or falls meanwhile cancels out. A baseline of another day would prove nothing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { impactOf, p95, type WindowPair } from '../../domain/impact.ts';
import type { ImpactStatus } from '../../domain/status.ts';
import type { Probe, Responses } from './probe.ts';

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

export type Measured = {
  readonly status: ImpactStatus;
  /** How long the work was held, ms. */
  readonly heldMs: number;
};

const PROBE_EVERY_MS = 10;
/** Measuring costs at most this share of our work's time. */
const HELD_SHARE = 0.05;

/** One measurement. However it ends, the work is not left held. */
export async function measureImpact(options: ImpactOptions, signal: AbortSignal): Promise<Measured> {
  const pairs = new Map<string, WindowPair[]>();
  let [held, heldMs] = [false, 0];
  const measure = async (off: boolean): Promise<Responses> => {
    const began = performance.now();
    await options.hold(off);
    if (off !== held) await delay(options.settleMs ?? 0, undefined, { signal });
    held = off;
    const window = await measureWindow(options, signal);
    if (off) heldMs += performance.now() - began;
    return window;
  };
  try {
    await options.hold(false);
    for (let pair = 0; pair < options.pairs; pair++) {
      const onFirst = pair % 2 === 0;
      const [first, second] = [await measure(!onFirst), await measure(onFirst)];
      addPair(pairs, onFirst ? { on: first, off: second } : { on: second, off: first });
    }
  } finally {
    await options.hold(false);
  }
  return { status: impactOf(pairs, Date.now(), options.floorMs ?? 0), heldMs };
}

/** A store that is seen in one of the windows only has begun or ceased to serve meanwhile. */
function addPair(
  pairs: Map<string, WindowPair[]>,
  { on, off }: { readonly on: Responses; readonly off: Responses },
): void {
  for (const [store, onMs] of on) {
    const offMs = off.get(store);
    if (offMs !== undefined) pairs.set(store, [...(pairs.get(store) ?? []), { onMs, offMs }]);
  }
}

/** p95 of a window for each store, ms. */
async function measureWindow(options: ImpactOptions, signal: AbortSignal): Promise<Responses> {
  const samples = new Map<string, number[]>();
  const until = performance.now() + options.windowMs;
  do {
    for (const [store, ms] of await options.probe()) samples.set(store, [...(samples.get(store) ?? []), ms]);
    await delay(options.probeEveryMs ?? PROBE_EVERY_MS, undefined, { signal });
  } while (performance.now() < until);
  return new Map([...samples].map(([store, ofStore]) => [store, p95(ofStore)]));
}

/**
 * Measures every `everyMs()` (from start to start) until aborted, and not more often than so that our work is held
 * for 5 % of the time. What must be known `atOnce()` does not wait; the next one that is not waits for its share too.
 *
 * @throws when a store fails
 */
export async function runImpact(
  options: ImpactOptions & { readonly everyMs: () => number; readonly atOnce?: () => boolean },
  signal: AbortSignal,
  report: (status: ImpactStatus) => Promise<void>,
): Promise<void> {
  try {
    let paid = 0;
    for (;;) {
      const began = performance.now();
      const { status, heldMs } = await measureImpact(options, signal);
      await report(status);
      paid = Math.max(paid, began) + heldMs / HELD_SHARE;
      if (options.atOnce?.()) continue;
      const until = Math.max(began + options.everyMs(), paid);
      await delay(Math.max(0, until - performance.now()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
