import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { otherSide, type Side } from '../../domain/side.ts';
import { readAuthority } from '../../redis/authority.ts';
import type { Environment } from '../../redis/connection.ts';

const SIDES = ['source', 'target'] as const;
const REST_MS = 2;
const RETRY_MS = 20;
/** The side that serves may be another one, or its server may be down: what was not acknowledged is written again. */
const AGAIN = /NOPERM|Connection is closed|ECONNREFUSED|ECONNRESET|LOADING|max retries/;

export type Sides = Readonly<Record<Side, Redis>>;

/** An app that writes each key once, where the authority is: a fenced write is made again on the other side. */
export function startOnceWriter(apps: Sides, sides: Sides) {
  const acknowledged: string[] = [];
  let stopped = false;
  const write = async (key: string): Promise<void> => {
    while (!stopped) {
      const answer = await readAuthority(sides.target)
        .then((record) => apps[record?.side ?? 'source'].set(key, key))
        .catch((error: unknown) => error);
      if (answer === 'OK') return void acknowledged.push(key);
      if (!AGAIN.test(String(answer))) throw answer;
      await delay(REST_MS);
    }
  };
  const running = (async () => {
    for (let n = 1; !stopped; n++) {
      await write(`match:${n}`);
      await delay(REST_MS);
    }
  })();
  return {
    acknowledged: () => acknowledged.length,
    /** Of those that have been acknowledged by now, the ones that are not on this side. */
    lost: async (side: Side) => {
      const keys = [...acknowledged];
      const there = keys.length === 0 ? [] : await sides[side].mget(keys);
      return keys.filter((key, i) => there[i] !== key);
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Looks all the time whether the side without the authority is open: what must never be (L1). */
export function watchOldSide(sides: Sides, user: string) {
  const seen: string[] = [];
  let [stopped, looks] = [false, 0];
  const running = (async () => {
    while (!stopped) {
      const before = await readAuthority(sides.target);
      const old = otherSide(before?.side ?? 'source');
      const answer = String(await sides[old].call('ACL', ['DRYRUN', user, 'SET', 'match:1', 'v']));
      const after = await readAuthority(sides.target);
      looks++;
      if (before?.epoch === after?.epoch && answer === 'OK')
        seen.push(`${old} was open in epoch ${after?.epoch}`);
      await delay(REST_MS);
    }
  })();
  return async () => {
    stopped = true;
    await running;
    return { looks, seen: [...new Set(seen)] };
  };
}

export const environmentOf = (ports: Readonly<Record<Side, number>>): Environment => ({
  SOURCE_V1: `redis://127.0.0.1:${ports.source}`,
  TARGET_V2: `redis://127.0.0.1:${ports.target}`,
});

/** Makes the app's user on both servers, and connects as it, again and again. */
export async function appsOn(
  sides: Sides,
  ports: Readonly<Record<Side, number>>,
  user: string,
): Promise<Sides> {
  const connect = async (side: Side) => {
    await sides[side].call('ACL', ['SETUSER', user, 'on', '>secret', '~*', '+@all']);
    const url = `redis://${user}:secret@127.0.0.1:${ports[side]}`;
    const app = new Redis(url, { protocol: 2, enableReadyCheck: false, retryStrategy: () => RETRY_MS });
    app.on('error', () => undefined);
    return app;
  };
  const [source, target] = [await connect(SIDES[0]), await connect(SIDES[1])];
  return { source, target };
}
