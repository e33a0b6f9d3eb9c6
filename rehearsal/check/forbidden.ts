import type { Redis } from 'ioredis';
import type { Home } from '../entry.ts';
import { type Section, sectionOf, STORE_NAMES } from './finding.ts';

const FORBIDDEN = ['keys', 'flushall', 'flushdb', 'swapdb'];

/** Each server counts its commands itself: nobody ran one that empties a database or lists all keys (L6). */
export async function forbiddenCommands(admins: Readonly<Record<Home, Redis>>): Promise<Section> {
  const findings = [];
  for (const store of ['v1', 'nexten', 'v2'] as const) {
    const statistics = await admins[store].info('commandstats');
    for (const command of FORBIDDEN) {
      const calls = Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(statistics)?.[1] ?? 0);
      if (calls > 0)
        findings.push({ where: STORE_NAMES[store], key: command, what: `ran ${calls} times`, writes: 0 });
    }
  }
  return sectionOf('KEYS, FLUSHALL, FLUSHDB never run', FORBIDDEN.length * 3, findings);
}
