import { setImmediate as yieldTurn, setTimeout as delay } from 'node:timers/promises';
import { makeRateLimiter } from '../client/rate-limiter.ts';

/** Waits until `keys` more keys may be read; rejects when aborted. */
export type VerifyPace = (keys: number, signal: AbortSignal) => Promise<void>;

/** The limits of verification. They are functions, because they change while it runs. */
export type VerifyBounds = {
  /** Keys a second; 0 = no limit. */
  readonly keysPerSecond: () => number;
  /** Bytes a second; 0 = no limit. */
  readonly bytesPerSecond?: () => number;
  /** Bytes read so far. */
  readonly bytesRead?: () => number;
  /** True during an impact window: verification stops for as long. */
  readonly held?: () => boolean;
  /**
   * True while the copy, a backlog of changes or a measured impact has priority: verification rests, up to `restMs`.
   */
  readonly givesWay?: () => boolean;
  /**
   * The part of the bounds that the measured impact leaves, 0 to 1. It slows down the walk over names, which has no
   * bound of its own.
   */
  readonly share?: () => number;
  /**
   * The longest rest between two batches, ms.
   *
   * @default REST_MS
   */
  readonly restMs?: number;
};

const POLL_MS = 10;
/** A verifier that rested for ever would end no pass, and what it knows would grow too old for its gates. */
const REST_MS = 5_000;

/** Returns a part of the bounds (`part`: 0 to 1), for one of two loops that stay within them together. */
export function shareOfBounds(bounds: VerifyBounds, part: () => number): VerifyBounds {
  const of = (bound: number) => (bound > 0 ? Math.max(1, bound * part()) : bound);
  return {
    ...bounds,
    keysPerSecond: () => of(bounds.keysPerSecond()),
    bytesPerSecond: () => of(bounds.bytesPerSecond?.() ?? 0),
  };
}

/** Makes the pace of verification. Each call first lets the other work of the process run. */
export function makeVerifyPace(bounds: VerifyBounds): VerifyPace {
  const { held = () => false, givesWay = () => false, bytesRead = () => 0 } = bounds;
  const byKeys = makeRateLimiter(bounds.keysPerSecond);
  const byBytes = makeRateLimiter(bounds.bytesPerSecond ?? (() => 0));
  let paidBytes = bytesRead();
  return async (keys, signal) => {
    await yieldTurn(undefined, { signal });
    const restUntil = performance.now() + (bounds.restMs ?? REST_MS);
    while (held() || (givesWay() && performance.now() < restUntil)) {
      await delay(POLL_MS, undefined, { signal });
    }
    const read = bytesRead();
    await byBytes(read - paidBytes, signal);
    paidBytes = read;
    await byKeys(keys, signal);
  };
}
