import { setImmediate as yieldTurn, setTimeout as delay } from 'node:timers/promises';
import { makePace } from '../pace.ts';

/** Waits until so many keys may be looked at; rejects when aborted. */
export type Pace = (keys: number, signal: AbortSignal) => Promise<void>;

/** What verification keeps to; asked again and again, because all of it changes while it runs. */
export type VerifyBounds = {
  /** 0 = no limit, here and below. */
  readonly keysPerSecond: () => number;
  readonly bytesPerSecond?: () => number;
  /** Bytes read so far. */
  readonly bytesRead?: () => number;
  /** It stands still while this says so: an impact window. */
  readonly held?: () => boolean;
  /** It rests while this says so: the copy, a backlog of changes and a measured impact go first. */
  readonly givesWay?: () => boolean;
  /** The longest rest between two batches, ms. */
  readonly restMs?: number;
};

const POLL_MS = 10;
/** A verifier that rests for ever would be silent, and silence is red (L7). */
const REST_MS = 5_000;

/** The pace of verification (L14). It gives way to the other work of the process at each call. */
export function makeVerifyPace(bounds: VerifyBounds): Pace {
  const { held = () => false, givesWay = () => false, bytesRead = () => 0 } = bounds;
  const byKeys = makePace(bounds.keysPerSecond);
  const byBytes = makePace(bounds.bytesPerSecond ?? (() => 0));
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
