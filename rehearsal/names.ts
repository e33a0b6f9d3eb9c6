import { createHash } from 'node:crypto';
import type { Home } from './entry.ts';

/** V1's and Nexten's metrics would collide on V2, so each has its own room there. */
const ROOMS: Readonly<Record<Home, string | null>> = {
  v1: 'metrics:v1:',
  nexten: 'metrics:nexten:',
  v2: null,
};

/** The name of a key on V2. */
export function nameOnV2(home: Home, key: string): string {
  const room = ROOMS[home];
  return room !== null && key.startsWith('metrics:') ? room + key.slice('metrics:'.length) : key;
}

/** How a key is shown to people: kind and short hash, never the key itself (L12). */
export function shown(home: Home, key: string): string {
  const kind = key.slice(0, Math.max(0, key.indexOf(':'))) || 'key';
  return `${home} ${kind} ${createHash('sha256').update(key, 'latin1').digest('hex').slice(0, 10)}`;
}
