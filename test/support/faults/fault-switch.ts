import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import type { Environment } from '../../../redis/client/connection.ts';

const SIDES = ['source', 'target'] as const;
/** Pause between two writes of an app, ms. Many worlds run at once on one machine. */
const REST_MS = 10;
/** Pause between two looks at the side that must be closed, ms. */
const LOOK_MS = 4;
const RETRY_MS = 20;
/** After these errors a write is tried again: another side serves by now, or the server is down. */
const AGAIN = /NOPERM|Connection is closed|ECONNREFUSED|ECONNRESET|LOADING|max retries/;

export type Sides = Readonly<Record<Side, Redis>>;

/**
 * Starts an app that writes each key once, on the side that has the authority. If a write is refused, the app tries
 * again on the side that has the authority then.
 */
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
    /** Returns the keys that were acknowledged so far and that this side does not hold. */
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

/**
 * Checks all the time whether the side without the authority is open to the user. This must not happen: apps could
 * write on both sides.
 *
 * @returns ends the checks; gives their number, and a line for each time that the side was open
 */
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
      await delay(LOOK_MS);
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

/**
 * Creates the user of the app on both servers and connects as this user. The connections reconnect whenever they are
 * lost.
 */
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
