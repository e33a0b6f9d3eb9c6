import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { FULL } from '../../lanes/proofs.ts';

type SideName = 'source' | 'target';

/** An app that writes on the side that has the authority. It remembers which writes were acknowledged. */
export type FollowingApp = {
  /** Key → number of its last acknowledged write. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Number of acknowledged writes on each side. */
  readonly counts: Readonly<Record<SideName, number>>;
  stop(): Promise<void>;
};

const KEYS = 100;
/**
 * Pause between two writes, ms. It gives about 100 writes a second in the long proofs and 40 in `npm test`: a load, not a
 * benchmark. Each write costs time of the worker and of three servers.
 */
const REST_MS = FULL ? 9 : 24;

/** Returns the text of document `n` in the form of a side. */
export function documentOn(side: SideName, n: number): string {
  return side === 'source' ? `{"offers":[{"id":${n}}],"n":${n}}` : `{"jobs":[{"id":${n}}],"n":${n}}`;
}

/**
 * Starts an app that writes `match:w0` to `match:w99`, again and again. If a write is fenced, the app tries again on
 * the side that has the authority. One user is logged in, because a migration without any live session proves nothing
 * of sessions and waits.
 *
 * @param restMs pause between two writes, ms
 */
export function startFollowingApp(
  apps: Readonly<Record<SideName, Redis | Cluster>>,
  restMs = REST_MS,
): FollowingApp {
  const acknowledged = new Map<string, number>();
  const counts = { source: 0, target: 0 };
  let side: SideName = 'source';
  let stopped = false;
  /** Tries until the write is acknowledged. */
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
    await apps.source.hset('session:following-app', 'user_id', '1');
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
