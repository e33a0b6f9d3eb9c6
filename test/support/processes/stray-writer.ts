import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { eventually } from '../eventually.ts';

/** Pause between two tries, ms. It is long enough that the keys last as long as V1 is open. */
const REST_MS = 50;
const IN_A_ROW = 10;
const JOURNAL = keyspaceOf('supersmartmatch').journal('v1');

/** Writes on V1 while V2 serves, which the fence should refuse. It writes each key once, as soon as V1 accepts it. */
export type StrayWriter = {
  /** Values that V1 has acknowledged, by key. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Resolves when the fence has refused ten writes in a row after this call. */
  refused(): Promise<void>;
  stop(): Promise<void>;
};

/** @param app a connection that reconnects when its server is back */
export function startStrayWriter(app: Redis, keys: readonly string[]): StrayWriter {
  const acknowledged = new Map<string, string>();
  let [refused, stopped] = [0, false];
  const running = (async () => {
    for (let i = 0; i < keys.length && !stopped; ) {
      const [key, value] = [keys[i] ?? '', `{"offers":["stray",${i}]}`];
      const answer = await app.set(key, value).catch((error: unknown) => error);
      if (answer === 'OK') {
        acknowledged.set(key, value);
        refused = 0;
        i++;
      } else if (String(answer).includes('NOPERM')) refused++;
      await delay(REST_MS);
    }
  })();
  return {
    acknowledged,
    refused: async () => {
      refused = 0;
      await eventually('the fence on V1', () => refused >= IN_A_ROW, { withinMs: 180_000, everyMs: 50 });
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Returns the strings that have lost a conflict with V2, as they stand in the conflict journal of V1. */
export async function losersOn(v1: Redis): Promise<ReadonlySet<string>> {
  const losers = new Set<string>();
  const elsewhere = v1.duplicate({ db: 1 });
  for (const entry of Object.values(await v1.hgetallBuffer(JOURNAL))) {
    await elsewhere.callBuffer('RESTORE', 'loser', '0', entry.subarray(8), 'REPLACE');
    const text = await elsewhere.get('loser').catch(() => null);
    if (text !== null) losers.add(text);
  }
  await elsewhere.del('loser');
  elsewhere.disconnect();
  return losers;
}
