import type { Redis } from 'ioredis';
import { writeAuthority } from '../../redis/authority.ts';
import { loadScripts } from '../../redis/scripts/index.ts';

/** Writes on each server what a claim writes: the source has the authority. */
export async function claimed(...servers: readonly Redis[]): Promise<void> {
  for (const redis of servers) await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
}
