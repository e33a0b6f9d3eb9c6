import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { eventually } from '../eventually.ts';

/**
 * Writes new keys until `enough`, which the test calls when a process has stopped itself. Before the process goes on,
 * `takeAway` deletes the keys on both sides. Then neither the keys nor their ledger entries are left, so what the
 * process had read of them is true again. Only the lease can show that its late write must be refused.
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
    // Ask for one key at a time: on a cluster the keys are in several slots.
    const countOn = async (redis: Redis | Cluster) =>
      (await Promise.all(keys.map((key) => redis.exists(key)))).filter((there) => there === 1).length;
    const counts = () => Promise.all(sides.map(countOn));
    const arrived = async () => (await counts()).every((count) => count === keys.length);
    await eventually('the bait on both sides', arrived);
    await Promise.all(keys.map((key) => sides[0]?.del(key)));
    const gone = async () => (await counts()).every((count) => count === 0);
    await eventually('no bait on either side', gone);
  };
  return { enough, takeAway };
}

/**
 * Returns the addresses of the connections that syncs have to one server. Use them for this server only: an app may
 * have the same address at another server.
 */
export async function linesOf(redis: Redis): Promise<ReadonlySet<string>> {
  const clients = String(await redis.client('LIST')).split('\n');
  const syncs = clients.filter((line) => / name=jday:sync-/.test(line));
  return new Set(syncs.map((line) => / addr=(\S+)/.exec(line)?.[1] ?? ''));
}

const WRITE = /\] "(set|hset|hsetnx|hdel|del|unlink|rename|restore|sadd|rpush|pexpireat)"/i;
/** Keys that no decision uses. They only show that an attempt lives, or they belong to one request or one attempt. */
const HARMLESS = /:(?:beat|arrival|barrier|probe|shadow):/;

/**
 * Returns the writes of these addresses among the MONITOR lines of one server. MONITOR shows the commands of a script
 * after its call, with `lua` instead of an address.
 */
export function writesOf(lines: readonly string[], from: ReadonlySet<string>): readonly string[] {
  let theirs = false;
  return lines.filter((line) => {
    const by = /\[\d+ (\S+?)\]/.exec(line)?.[1] ?? '';
    if (by !== 'lua') theirs = from.has(by);
    return theirs && WRITE.test(line) && !HARMLESS.test(line);
  });
}
