import type { Redis } from 'ioredis';
import { AUTHORITY_KEY } from '../domain/keyspace.ts';
import type { Side } from '../domain/side.ts';
import type { RunScript } from './scripts/index.ts';

/** Who serves, as one database says it. The record on the target decides; the others follow it (L1). */
export type AuthorityRecord = { readonly side: Side; readonly epoch: number };

export async function readAuthority(redis: Redis, key = AUTHORITY_KEY): Promise<AuthorityRecord | null> {
  const { authority, epoch } = await redis.hgetall(key);
  if (authority !== 'source' && authority !== 'target') return null;
  return { side: authority, epoch: Number(epoch) };
}

/** Writes the record unless a later epoch stands there. */
export async function writeAuthority(
  run: RunScript,
  record: AuthorityRecord,
  key = AUTHORITY_KEY,
): Promise<boolean> {
  return Number(await run('setAuthority', [key], [record.side, String(record.epoch)])) === 1;
}
