import type { Redis } from 'ioredis';
import { type Look, render, renderText } from '../form.ts';
import type { Operation } from './operation.ts';

/**
 * Sends one write in the form of its side.
 *
 * @returns false when the key was not there and the operation asked for that; nothing was written then
 * @throws the reply error of Redis, or what the connection says when no answer came
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

/** A WATCH belongs to one transaction at a time: whoever uses `onlyIfThere` on hashes sends one after the other. */
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
