import { createHash } from 'node:crypto';
import type { Home } from './entry.ts';

/**
 * V1 and Nexten have metrics under the same names. On V2 each gets a prefix of its own, so that they do not collide.
 */
const ROOMS: Readonly<Record<Home, string | null>> = {
  v1: 'metrics:v1:',
  nexten: 'metrics:nexten:',
  v2: null,
};

/** @returns the name of a key on V2 */
export function nameOnV2(home: Home, key: string): string {
  const room = ROOMS[home];
  return room !== null && key.startsWith('metrics:') ? room + key.slice('metrics:'.length) : key;
}

/** @returns how people see a key: its kind and a short hash, never the key itself */
export function shown(home: Home, key: string): string {
  const kind = key.slice(0, Math.max(0, key.indexOf(':'))) || 'key';
  return `${home} ${kind} ${createHash('sha256').update(key, 'latin1').digest('hex').slice(0, 10)}`;
}
