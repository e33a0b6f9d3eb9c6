import type { Redis } from 'ioredis';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';

/** Writes on each server the authority record that a claim writes: the source serves. */
export async function claimed(...servers: readonly Redis[]): Promise<void> {
  for (const redis of servers) await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
}
