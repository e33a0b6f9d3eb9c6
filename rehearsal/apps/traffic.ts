import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Side } from '../../domain/plan/plan.ts';
import type { Home } from '../entry.ts';
import { type Look, render, renderText, type AppSpelling } from '../form.ts';
import { nameOnV2 } from '../names.ts';
import type { WriteLog } from './log.ts';
import type { AppName, Operation } from './record.ts';
import type { Route } from './route.ts';
import type { Tally } from './tally.ts';

const RETRY_MS = 10;
/** When no side has taken a write for this long, the request fails, as a user would see it; ms. */
const GIVE_UP_MS = 20_000;

export type Target = { readonly home: Home; readonly key: string; readonly spelling: AppSpelling };

/**
 * `done`: acknowledged. `not-there`: the key was missing. `refused`: the fence refused the write. `unknown`: no answer
 * came, so the app must never write this key again.
 */
export type SendOutcome = 'done' | 'not-there' | 'refused' | 'unknown';

/** Sends a write to the side that has the authority. */
export type Follow = (write: AppWrite) => Promise<SendOutcome>;

export type AppTraffic = {
  /** Makes one attempt on one side. */
  once(side: Side, write: AppWrite): Promise<SendOutcome>;
  /**
   * Sends a write to the side that serves. When that side refuses it, the app reads again which side serves and tries
   * there.
   */
  readonly follow: Follow;
};

/** One write. `n`: its number, which it keeps when it is tried again on the other side. */
export type AppWrite = { readonly n: number; readonly target: Target; readonly operation: Operation };

export function appTraffic(app: AppName, links: Links, tally: Tally): AppTraffic {
  const once = async (side: Side, { n, target, operation }: AppWrite): Promise<SendOutcome> => {
    const name = side === 'target' ? nameOnV2(target.home, target.key) : target.key;
    const look = { form: side, spelling: target.spelling };
    const sentAt = Date.now();
    const { home, key, spelling } = target;
    const note = (fate: 'ok' | 'maybe') => {
      links.log.append({
        n,
        app,
        home,
        key,
        spelling,
        side,
        operation,
        sentAt,
        answeredAt: Date.now(),
        fate,
      });
    };
    try {
      if (!(await send(links[side], Buffer.from(name, 'latin1'), operation, look))) return 'not-there';
      note('ok');
      tally.acknowledged(side);
      return 'done';
    } catch (error) {
      if (isRefusal(error)) {
        tally.refused();
        return 'refused';
      }
      note('maybe');
      return 'unknown';
    }
  };
  return { once, follow: (write) => followed(write, once, links.route, tally) };
}

async function followed(
  write: AppWrite,
  once: AppTraffic['once'],
  route: Route,
  tally: Tally,
): Promise<SendOutcome> {
  const began = Date.now();
  let { side } = route.known();
  for (;;) {
    const outcome = await once(side, write);
    if (outcome !== 'refused') {
      tally.waited(Date.now() - began);
      if (outcome === 'not-there') tally.vanished();
      return outcome;
    }
    if (Date.now() - began > GIVE_UP_MS) return 'refused';
    const next = await route.refresh();
    if (next.side === side) await delay(RETRY_MS);
    side = next.side;
  }
}

/** NOPERM means that nothing was written. A transaction with a refused command (EXECABORT) was not run either. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(NOPERM|EXECABORT)/.test(error.message);
}

type Links = {
  /** The app's own store, with the app's own user. */
  readonly source: Redis;
  /** V2, with V2's user. */
  readonly target: Redis;
  readonly route: Route;
  readonly log: WriteLog;
};

/**
 * Sends one write in the form of its side.
 *
 * @returns false when the operation asked for an existing key and the key was missing; nothing was written then
 * @throws the reply error of Redis, or the error of the connection when no answer came
 */
export async function send(redis: Redis, name: Buffer, operation: Operation, look: Look): Promise<boolean> {
  switch (operation.do) {
    case 'set':
      return sendSet(redis, name, operation, look);
    case 'hset':
      return sendFields(redis, name, operation, look);
    case 'expire':
      return (await redis.pexpire(name, operation.lifeMs)) === 1;
    case 'del':
      await redis.del(name);
      return true;
    case 'incr':
      await redis.incr(name);
      return true;
    case 'zadd':
      await redis.zadd(name, operation.score, operation.member);
      return true;
    case 'lpush':
      await redis.lpush(name, operation.item);
      return true;
    case 'ltrim':
      await redis.ltrim(name, 0, operation.keep - 1);
      return true;
  }
}

type Of<Kind extends Operation['do']> = Extract<Operation, { do: Kind }>;

async function sendSet(redis: Redis, name: Buffer, operation: Of<'set'>, look: Look): Promise<boolean> {
  const args = [name, render(operation.content, look)];
  const life = operation.lifeMs === null ? [] : ['PX', operation.lifeMs];
  const condition = operation.onlyIfThere ? ['XX'] : [];
  return (await redis.call('SET', ...args, ...life, ...condition)) === 'OK';
}

/**
 * A WATCH covers one transaction at a time. So an app that uses `onlyIfThere` on hashes must send one write after the
 * other.
 */
async function sendFields(redis: Redis, name: Buffer, operation: Of<'hset'>, look: Look): Promise<boolean> {
  const fields = new Map(
    operation.fields.map(([field, content]) => [renderText(field, look), render(content, look)]),
  );
  if (!operation.onlyIfThere) {
    await redis.hset(name, fields);
    return true;
  }
  await redis.watch(name);
  if ((await redis.exists(name)) === 0) {
    await redis.unwatch();
    return false;
  }
  const replies = await redis.multi().hset(name, fields).exec();
  const failed = replies?.find(([error]) => error !== null)?.[0];
  if (failed) throw failed;
  return replies !== null;
}
