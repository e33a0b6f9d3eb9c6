import type { Digest } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { tagged } from '../../domain/slot.ts';
import { keyBytes } from '../key-bytes.ts';
import type { Place } from '../ledger.ts';
import { LeaseLost, type Mandate, type Written } from '../sync/apply-writes.ts';
import { authorityOf, besideOf, ledgerOf } from '../sync/side-port.ts';
import type { End } from './end.ts';

/** The last step of a large key's way; like `Write`, but the value stands already, under a name of ours. */
export type Swap = {
  readonly name: string;
  readonly place: Place;
  readonly act: 'rename' | 'delete' | 'agree';
  readonly expected: Digest;
  readonly expectedEntry: string;
  readonly shadow: string;
  /** Content of the shadow, 8 bytes; empty for the other acts. */
  readonly content: string;
  /** Absolute, ms; -1 = none. */
  readonly expireAt: number;
  readonly stamp: string;
  /** State of the other side, which this write agrees with. */
  readonly other: Digest;
  readonly tail: string;
  readonly journal: boolean;
  readonly preimage: boolean;
};

/**
 * Lets a large key appear at once, whole, with its expiry and its ledger entry (L2, L4). The WATCH that the caller
 * holds on the key since before its state was read makes it a compare-and-set.
 */
export async function swap(
  end: End,
  keyspace: Keyspace,
  link: string,
  mandate: Mandate,
  one: Swap,
): Promise<Written> {
  const keys = [
    tagged(keyspace.lease(mandate.shard), end.tag),
    authorityOf(end, keyspace),
    tagged(keyspace.journal(link), end.tag),
    tagged(keyspace.preimage(link), end.tag),
    keyBytes(one.name),
    ledgerOf(end, keyspace, link, one.name, one.place),
    keyBytes(one.shadow),
    besideOf(end, keyspace.kept(link, keyBytes(one.stamp).toString('hex')), one.name),
  ];
  const args = [String(mandate.token), String(mandate.epoch), end.side, one.act, keyBytes(one.expected)];
  const written = [
    one.expectedEntry,
    keyBytes(one.content),
    String(one.expireAt),
    one.place.field,
    one.stamp,
  ];
  const journal = one.journal ? one.stamp + one.name : '';
  const rest = [keyBytes(one.other), one.tail, journal, one.preimage ? '1' : ''];
  const [, , replies] = await Promise.all([
    end.redis.callBuffer('MULTI'),
    end.run('swap', keys, [...args, ...written, ...rest]),
    end.redis.callBuffer('EXEC') as Promise<unknown[] | null>,
  ]);
  if (replies === null) return 'stale';
  const [reply] = replies;
  if (reply instanceof Error) throw reply;
  const word = String(reply);
  if (word === 'fenced') throw new LeaseLost();
  return word as Written;
}
