import type { Redis } from 'ioredis';
import type { Shard } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { type Environment, openStore } from '../connection.ts';
import type { Patience } from './patience.ts';

/**
 * Four connections a side: `data` reads and writes, `large` does so with large keys, under WATCH, `tracker` owns the
 * tracking and writes our own small keys,
 * `subscriber` hears. Apart, because a paused server blocks writes, and must block nothing else.
 */
export type Lines = Readonly<Record<'data' | 'large' | 'tracker' | 'subscriber', Redis>>;
export type Connections = Readonly<Record<Side, Lines>> & { close(): void };

export async function openConnections(
  shard: Shard,
  environment: Environment,
  { connectMs, replyMs }: Patience,
): Promise<Connections> {
  const opened: Redis[] = [];
  const open = async (side: Side, purpose: string): Promise<Redis> => {
    const redis = await openStore(shard.link[side], environment, `sync-${shard.name}-${purpose}`, {
      connectTimeout: connectMs,
      commandTimeout: replyMs,
      socketTimeout: replyMs,
    });
    opened.push(redis);
    return redis;
  };
  const lines = async (side: Side): Promise<Lines> => {
    const [data, large] = [await open(side, 'data'), await open(side, 'large')];
    return { data, large, tracker: await open(side, 'tracker'), subscriber: await open(side, 'feed') };
  };
  const close = () => {
    for (const redis of opened) redis.disconnect();
  };
  try {
    return { source: await lines('source'), target: await lines('target'), close };
  } catch (error) {
    close();
    throw error;
  }
}
