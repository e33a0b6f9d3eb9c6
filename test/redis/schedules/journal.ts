import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import { lookAt, type Seen, upForm } from './seen.ts';
import type { Name } from './writes.ts';

/**
 * The losers in the conflict journal of one side, each restored from its DUMP, in V2 form.
 *
 * @param scratch a database that no link uses
 */
export async function readJournal(
  redis: Redis,
  scratch: Redis,
  keyspace: Keyspace,
  link: string,
  byName: ReadonlyMap<string, Name>,
): Promise<readonly { readonly name: Name; readonly state: Seen }[]> {
  const entries = (await redis.callBuffer('HGETALL', [keyspace.journal(link)])) as Buffer[];
  const copy = Buffer.from(`scratch ${randomUUID()}`);
  const losers: { name: Name; state: Seen }[] = [];
  for (let at = 0; at + 1 < entries.length; at += 2) {
    const [field, value] = [entries[at] as Buffer, entries[at + 1] as Buffer];
    const name = byName.get(field.subarray(8).toString('latin1'));
    if (!name) throw new Error('the journal names a key that no app wrote');
    await scratch.callBuffer('RESTORE', [copy, '0', value.subarray(8), 'REPLACE']);
    const [seen] = await lookAt(scratch, [copy]);
    const state = { content: seen?.content ?? '', expireAt: Number(value.readBigInt64BE(0)) };
    losers.push({ name, state: name.dataset === 'match' ? upForm(state) : state });
  }
  return losers;
}
