import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { eventually } from './eventually.ts';

/**
 * Keys that are new when the zombie stops, and gone on both sides, without a trace in the ledger, when it goes on: what
 * it had read of them is true again, so that only the lease can tell its late write from a good one.
 *
 * @param writtenOn the sides whose apps may write
 */
export function startBait(
  sides: readonly (Redis | Cluster)[],
  prefix: string,
  writtenOn: readonly (Redis | Cluster)[] = sides,
) {
  let set = true;
  const keys: string[] = [];
  const setting = (async () => {
    for (let i = 0; set; i++) {
      for (const [j, redis] of writtenOn.entries()) {
        keys.push(`${prefix}:${j}:${i}`);
        await redis.set(`${prefix}:${j}:${i}`, 'bait');
      }
      await delay(1);
    }
  })();
  const enough = async () => {
    set = false;
    await setting;
  };
  const takeAway = async () => {
    // One by one: on a cluster they stand in several slots.
    const countOn = async (redis: Redis | Cluster) =>
      (await Promise.all(keys.map((key) => redis.exists(key)))).filter((there) => there === 1).length;
    const counts = () => Promise.all(sides.map(countOn));
    const arrived = async () => (await counts()).every((count) => count === keys.length);
    await eventually('the bait on both sides', arrived, { withinMs: 20_000 });
    await Promise.all(keys.map((key) => sides[0]?.del(key)));
    const gone = async () => (await counts()).every((count) => count === 0);
    await eventually('no bait on either side', gone, { withinMs: 20_000 });
  };
  return { enough, takeAway };
}

/** Addresses of the connections of syncs to one server: to another one an app may have the same. */
export async function linesOf(redis: Redis): Promise<ReadonlySet<string>> {
  const clients = String(await redis.client('LIST')).split('\n');
  const syncs = clients.filter((line) => / name=jday:sync-/.test(line));
  return new Set(syncs.map((line) => / addr=(\S+)/.exec(line)?.[1] ?? ''));
}

const WRITE = /\] "(set|hset|hsetnx|hdel|del|unlink|rename|restore|sadd|rpush|pexpireat)"/i;
/** Say only that somebody lives, or are named for itself, for one question, or for an attempt before it: nobody decides by them. */
const HARMLESS = /:(?:beat|arrival|barrier|probe|shadow):/;

/** Writes, of what one server was told, that came from these addresses; what a script runs comes after its call, from `lua`. */
export function writesOf(lines: readonly string[], from: ReadonlySet<string>): readonly string[] {
  let theirs = false;
  return lines.filter((line) => {
    const by = /\[\d+ (\S+?)\]/.exec(line)?.[1] ?? '';
    if (by !== 'lua') theirs = from.has(by);
    return theirs && WRITE.test(line) && !HARMLESS.test(line);
  });
}
