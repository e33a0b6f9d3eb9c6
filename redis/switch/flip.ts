import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { FAILURES } from '../../domain/failure.ts';
import { type AuthorityRecord, readAuthority, writeAuthority } from '../authority.ts';
import { isRedirection } from '../cluster/cluster-changed.ts';
import { REPLY_MS } from '../connection.ts';
import type { RunScript } from '../scripts/index.ts';

const AGAIN_MS = 50;

/** The flip was sent and nobody can say whether it happened: an operator has to look (never retried). */
export class OwnershipUncertain extends Error {
  override readonly name = FAILURES.OwnershipUncertain;
}

/**
 * The commit point is the target's record. A reply that never came is asked for, not guessed (L1).
 *
 * @param run on the target, its scripts loaded
 * @throws OwnershipUncertain
 */
export async function flip(target: Redis, run: RunScript, record: AuthorityRecord): Promise<void> {
  try {
    if (!(await writeAuthority(run, record))) throw new Error('a later epoch stands on the target');
  } catch (error) {
    // The server has refused it: it is not on its way either.
    if (isRedirection(error)) throw error;
    const now = await askedFor(target);
    if (now === undefined)
      throw new OwnershipUncertain(`the flip to ${record.side} was sent and not answered`, { cause: error });
    if (now?.side !== record.side) throw error;
  }
}

/** Answers come in their order, so this one speaks of the flip too. `undefined`: none came while anything could come. */
async function askedFor(target: Redis): Promise<AuthorityRecord | null | undefined> {
  const untilMs = Date.now() + REPLY_MS;
  for (;;) {
    try {
      return await readAuthority(target);
    } catch (error) {
      const closed = error instanceof Error && /Connection is closed/.test(error.message);
      if (closed || Date.now() > untilMs) return undefined;
    }
    await delay(AGAIN_MS);
  }
}
