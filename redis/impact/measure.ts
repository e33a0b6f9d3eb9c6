/**
 * Measures how much our work slows down the apps. It compares windows with our copy and verification on with windows in
 * which both are held. The windows alternate, and each pair reverses the order of the pair before (on off, off on, …).
 * So a load that only rises or only falls meanwhile cancels out. A baseline of another day would prove nothing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { impactOf, p95, type WindowPair } from '../../domain/gates/impact.ts';
import type { ImpactStatus } from '../../domain/gates/status.ts';
import type { Probe, Responses } from './probe.ts';

export type ImpactOptions = {
  readonly probe: Probe;
  /**
   * Pauses (true) and resumes (false) copy and verification. It may be called for the present state again. The sync of
   * changes goes on.
   */
  readonly hold: (held: boolean) => Promise<void>;
  /** Length of one window, ms. */
  readonly windowMs: number;
  /** Number of pairs of windows. Below six the confidence interval is the whole range. */
  readonly pairs: number;
  /**
   * Time after `hold` has resolved until the work really stops or runs again, ms. Nothing is measured in this time.
   *
   * @default 0
   */
  readonly settleMs?: number;
  /**
   * Pause between two probes, ms.
   *
   * @default PROBE_EVERY_MS
   */
  readonly probeEveryMs?: number;
  /**
   * Response time below which a difference is not felt, ms; see `impactOf`.
   *
   * @default 0
   */
  readonly floorMs?: number;
  /**
   * Returns the time of a measurement, ms. It is called before the measurement begins. If the process then stands
   * still, the measurement does not look newer than it is.
   */
  readonly clock?: () => Promise<number>;
};

export type Measured = {
  readonly status: ImpactStatus;
  /** How long the work was held, ms. */
  readonly heldMs: number;
};

const PROBE_EVERY_MS = 10;
/** Measurements hold our work for at most this share of the time. */
const HELD_SHARE = 0.05;

/** Takes one measurement. Afterwards, also after an error, copy and verification are resumed. */
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
  return { status: impactOf(pairs, options.floorMs ?? 0), heldMs };
}

/**
 * Adds a pair for each store that is in both windows. A store in only one of them began or ceased to serve meanwhile.
 */
function addPair(
  pairs: Map<string, WindowPair[]>,
  { on, off }: { readonly on: Responses; readonly off: Responses },
): void {
  for (const [store, onMs] of on) {
    const offMs = off.get(store);
    if (offMs !== undefined) pairs.set(store, [...(pairs.get(store) ?? []), { onMs, offMs }]);
  }
}

/** Measures one window and returns the p95 of each store, ms. */
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
 * Measures every `everyMs()` ms, from start to start, until aborted. It waits longer where needed, so that our work is
 * held for at most 5 % of the time. If `atOnce()` returns true, the next measurement begins without a wait. The wait
 * that is skipped is added to the next wait.
 *
 * @throws when a store fails
 */
export async function runImpact(
  options: ImpactOptions & { readonly everyMs: () => number; readonly atOnce?: () => boolean },
  signal: AbortSignal,
  report: (status: ImpactStatus, saidAtMs: number) => Promise<void>,
): Promise<void> {
  try {
    let paid = 0;
    for (;;) {
      const began = performance.now();
      const saidAtMs = (await options.clock?.()) ?? Number.NaN;
      const { status, heldMs } = await measureImpact(options, signal);
      await report(status, saidAtMs);
      paid = Math.max(paid, began) + heldMs / HELD_SHARE;
      if (options.atOnce?.()) continue;
      const until = Math.max(began + options.everyMs(), paid);
      await delay(Math.max(0, until - performance.now()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
