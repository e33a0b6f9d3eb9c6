import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Side } from '../../../domain/plan/plan.ts';
import { documentOn } from '../processes/following-app.ts';

const SIDES = ['source', 'target'] as const;
const KEYS = 24;
/** Pause between two writes of a side, ms. It gives about 50 writes a second on each side. */
const REST_MS = 18;

/**
 * The values that a key may have: its last acknowledged write, or a later one whose answer never came. `null` =
 * deleted.
 */
type Known = { readonly side: Side; may: (number | null)[] };

/** Apps of both sides, each with keys of its own, and the writes that their servers have acknowledged. */
export interface Load {
  readonly known: ReadonlyMap<string, Known>;
  acknowledged(): number;
  /**
   * Pauses the app of one side, as a fence does. Resolves when its last write is answered, with a function that lets it
   * go on.
   */
  pause(side: Side): Promise<() => void>;
  /** Resolves when the app of a side has written each of its keys once more, or is paused. */
  writtenAnew(side: Side): Promise<void>;
  /** Ends both apps, and repairs the document that cannot be transformed. */
  settle(): Promise<void>;
  /**
   * Returns one line for each key that differs between the sides, or has a value that it must not have. Empty = nothing
   * is lost. `of`: only keys that the app of this side wrote.
   */
  differences(sides: Readonly<Record<Side, Redis>>, of?: Side): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * Starts apps that write strings, hashes and documents that are transformed, and delete keys. Now and then they write a
 * document that cannot be transformed.
 *
 * @param restMs pause between two writes of a side, ms
 */
export function startLoad(
  prefix: string,
  ports: Readonly<Record<Side, number>>,
  restMs: number = REST_MS,
): Load {
  const known = new Map<string, Known>();
  const apps = { source: appOn(ports.source), target: appOn(ports.target) };
  let stopped = false;
  const paused = { source: false, target: false };
  const busy = { source: false, target: false };
  const turns = { source: 0, target: 0 };
  let acknowledged = 0;
  const write = async (side: Side, key: string, n: number | null): Promise<boolean> => {
    const before = known.get(key)?.may ?? [null];
    known.set(key, { side, may: [...before, n] });
    const done = await put(apps[side], side, key, n).then(
      () => true,
      () => false,
    );
    if (done) known.set(key, { side, may: [n] });
    if (done) acknowledged++;
    return done;
  };
  const running = Promise.all(
    SIDES.map(async (side) => {
      for (let n = 1; !stopped; n++) {
        await delay(restMs);
        if (paused[side]) continue;
        busy[side] = true;
        const kind = 'shd'[n % 3];
        await write(side, `${prefix}:${kind}:${side}${(n * 7) % KEYS}`, n % 11 === 0 ? null : n);
        if (side === 'source' && n % 13 === 0)
          await apps.source.set(`${prefix}:d:bad`, `{"offers":[${n}],"offres":[0]}`).catch(() => undefined);
        busy[side] = false;
        turns[side]++;
      }
    }),
  );
  const stop = async () => {
    stopped = true;
    await running;
  };
  return {
    known,
    acknowledged: () => acknowledged,
    pause: async (side) => {
      paused[side] = true;
      while (busy[side]) await delay(1);
      return () => {
        paused[side] = false;
      };
    },
    writtenAnew: async (side) => {
      // The name of a key follows from the number of its turn, and comes back after so many turns.
      const until = turns[side] + KEYS;
      while (!stopped && !paused[side] && turns[side] < until) await delay(1);
    },
    settle: async () => {
      await stop();
      while (!(await write('source', `${prefix}:d:bad`, 1))) await delay(REST_MS);
    },
    differences: (sides, of) => differences(known, sides, of),
    close: async () => {
      await stop();
      for (const side of SIDES) apps[side].disconnect();
    },
  };
}

/** The connection reconnects when its server is back. It never sends a command twice. */
function appOn(port: number): Redis {
  const app = new Redis({
    port,
    protocol: 2,
    retryStrategy: () => 20,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
  });
  app.on('error', () => undefined);
  return app;
}

async function put(app: Redis, side: Side, key: string, n: number | null): Promise<void> {
  if (n === null) await app.del(key);
  else if (key.includes(':h:')) await app.hset(key, 'n', String(n));
  else if (key.includes(':d:')) await app.set(key, documentOn(side, n));
  else if (n % 2 === 0) await app.set(key, String(n), 'PX', 3_600_000);
  else await app.set(key, String(n));
}

/**
 * Uses no code of the engine. It makes plain reads, and compares documents with `documentOn`, which spells both forms
 * by hand.
 */
async function differences(
  known: ReadonlyMap<string, Known>,
  sides: Readonly<Record<Side, Redis>>,
  of?: Side,
): Promise<string[]> {
  const found: string[] = [];
  for (const [key, { side, may }] of known) {
    if (of && side !== of) continue;
    const [source, target] = [await numberOn(sides, 'source', key), await numberOn(sides, 'target', key)];
    if (source !== target || !may.includes(source))
      found.push(`${key}: ${source} on V1, ${target} on V2, may be ${may.join(' or ')}`);
  }
  return found;
}

async function numberOn(
  sides: Readonly<Record<Side, Redis>>,
  side: Side,
  key: string,
): Promise<number | null> {
  const text = key.includes(':h:') ? await sides[side].hget(key, 'n') : await sides[side].get(key);
  if (text === null) return null;
  if (!key.includes(':d:')) return Number(text);
  const n = Number(/"n":(\d+)/.exec(text)?.[1]);
  return text === documentOn(side, n) ? n : -1;
}
