import type { Redis } from 'ioredis';
import type { Shard } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { type Environment, openStore } from '../connection.ts';
import type { Patience } from './patience.ts';

/**
 * Three connections a side: `data` reads and writes, `tracker` owns the tracking and writes our own small keys,
 * `subscriber` hears. Apart, because a paused server blocks writes, and must block nothing else.
 */
export type Lines = { readonly data: Redis; readonly tracker: Redis; readonly subscriber: Redis };
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
    const data = await open(side, 'data');
    // Our reading must not keep cold keys alive where the server knows how (Redis 7.2); elsewhere it is an error.
    await data.call('CLIENT', ['NO-TOUCH', 'ON']).catch(() => undefined);
    return { data, tracker: await open(side, 'tracker'), subscriber: await open(side, 'feed') };
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
