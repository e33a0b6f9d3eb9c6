import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

const given = new WeakMap<Redis, string>();

/**
 * Returns the name of a server that has no node id: a hash of its address. Our keys contain this name, so that they
 * reveal no address.
 */
export function serverIdOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return createHash('sha256').update(`${host}:${port}`).digest('hex').slice(0, 12);
}

/**
 * Names a master that Sentinel chose. After a failover it is another server, so records about it carry its own name.
 */
export function giveId(redis: Redis, id: string): void {
  given.set(redis, id);
}

/** Returns the name that `giveId` has set. Empty: the plan's URL names this one server and no other. */
export function givenIdOf(redis: Redis): string {
  return given.get(redis) ?? '';
}

/** Returns the clock of one server, ms since the epoch. */
export async function clockOf(redis: Redis): Promise<number> {
  return msOf(await redis.time());
}

/** Converts the reply of TIME to ms since the epoch. */
export function msOf([seconds, micros]: readonly (string | number)[]): number {
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

/**
 * Returns a field of an answer to INFO. Empty: the server does not have it.
 *
 * @param name must be a plain word
 */
export function infoField(info: string, name: string): string {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? '';
}
