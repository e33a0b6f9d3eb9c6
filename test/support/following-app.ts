import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';

type SideName = 'source' | 'target';

/** An app that writes where the authority is, and remembers what it was told OK for. */
export type FollowingApp = {
  /** Key → number of its last acknowledged write. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Number of acknowledged writes by side. */
  readonly counts: Readonly<Record<SideName, number>>;
  stop(): Promise<void>;
};

const KEYS = 100;
/** Some 200 writes a second: load, not a benchmark. */
const REST_MS = 4;

/** The form a document has on a side. */
export function documentOn(side: SideName, n: number): string {
  return side === 'source' ? `{"offers":[{"id":${n}}],"n":${n}}` : `{"jobs":[{"id":${n}}],"n":${n}}`;
}

/**
 * Writes `match:w0…` one after the other; a fenced write is made again on the side that has the authority.
 *
 * @param restMs between two writes
 */
export function startFollowingApp(
  apps: Readonly<Record<SideName, Redis | Cluster>>,
  restMs = REST_MS,
): FollowingApp {
  const acknowledged = new Map<string, number>();
  const counts = { source: 0, target: 0 };
  let side: SideName = 'source';
  let stopped = false;
  /** Until it is acknowledged; a fenced write is made again where the authority is. */
  const write = async (key: string, n: number): Promise<void> => {
    while (!stopped) {
      const there = side;
      const answer = await apps[there].set(key, documentOn(there, n)).catch((error: unknown) => error);
      if (answer === 'OK') {
        acknowledged.set(key, n);
        counts[there]++;
        return;
      }
      if (!String(answer).includes('NOPERM')) throw answer;
      side = (await apps[side].hget('jday:authority', 'authority')) === 'target' ? 'target' : 'source';
    }
  };
  const running = (async () => {
    for (let n = 1; !stopped; n++) {
      await write(`match:w${n % KEYS}`, n);
      await delay(restMs);
    }
  })();
  return {
    acknowledged,
    counts,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
