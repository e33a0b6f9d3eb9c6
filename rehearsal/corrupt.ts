import type { Redis } from 'ioredis';
import { resting } from './apps/ownership.ts';
import type { Base } from './fill/base.ts';
import { candidate, session } from './fill/v1.ts';
import { nameOnV2 } from './names.ts';

/** Two names for the same thing in one document: no form of V1 says that, so it cannot travel back to V1. */
const BROKEN_DOCUMENT = '{"jobs":["a"],"offers":"damaged","note":"✗"}';

/**
 * Damages V2 behind everybody's back: sessions and candidates that no app is writing become documents which V2's
 * apps cannot have written. V1 still holds each of them whole, so the way back is the repair.
 *
 * @returns how many keys were damaged
 */
export async function corrupt(v2: Redis, base: Base, keys: number): Promise<number> {
  const damage = v2.pipeline();
  for (const index of resting('session', keys))
    damage.hset(nameOf(session(base, index).key), 'offers', 'damaged');
  for (const index of resting('candidate', keys))
    damage.set(nameOf(candidate(base, index).key), BROKEN_DOCUMENT, 'KEEPTTL');
  const replies = (await damage.exec()) ?? [];
  const failed = replies.find(([error]) => error !== null)?.[0];
  if (failed) throw failed;
  return replies.length;
}

function nameOf(key: string): Buffer {
  return Buffer.from(nameOnV2('v1', key), 'latin1');
}
