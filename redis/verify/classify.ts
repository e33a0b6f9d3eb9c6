import type { Redis } from 'ioredis';
import type { Link, Side } from '../../domain/plan/plan.ts';
import { clockOf } from '../client/server-info.ts';
import { byPlace, RoutedRedis, serverOf } from '../client/cluster-client.ts';
import { keyBytes } from '../client/key-bytes.ts';
import type { ComparedKey } from './compare.ts';
import { ABSENT, newest } from '../../domain/protocol/protocol.ts';
import { makeKeyMap } from '../../domain/keys/key-map.ts';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { ledgerFor, entryPlaceOf, readEntries } from '../state/ledger.ts';

/**
 * The result of one comparison of a key, before time is taken into account.
 *
 * - `gone`: the key is absent on both sides.
 * - `expired`: the key is absent on one side only. On the other side its expiry is over, or at most `CLOCK_GRACE_MS`
 *   away, by the clock of the server there.
 * - `foreign`: V2 has a key of its own under this name, and the source has none.
 * - `quarantined`: the value could not be transformed, and the sync keeps it in quarantine.
 */
export type Comparison = 'equal' | 'gone' | 'expired' | 'foreign' | 'quarantined' | 'different';

/** The connections and the ledger question that `compareAll` uses. */
export type OutcomeContext = {
  readonly source: Redis;
  readonly target: Redis;
  /** Name of the hash of quarantined values on the target. */
  readonly quarantine: string;
  /**
   * Takes source keys that are absent on the source. Returns for each of them whether the ledger says that both sides
   * agreed on this absence while V2 had the key.
   */
  readonly agreedAbsentOnSource: (sourceKeys: readonly string[]) => Promise<readonly boolean[]>;
};

/** How far the clocks of two servers may differ, ms, when an expiry explains an absence. */
const CLOCK_GRACE_MS = 1_000;

/**
 * Classifies compared keys, in their order. A difference is checked for `expired`, then `foreign`, then `quarantined`;
 * the first one that applies counts. A difference that none of them explains is `different`.
 */
export async function compareAll(
  pairs: readonly ComparedKey[],
  context: OutcomeContext,
): Promise<readonly Comparison[]> {
  const outcomes = pairs.map(atFirstSight);
  await explain('expired', hasOneExpiry, (asked) => haveExpired(context, asked));
  await explain(
    'foreign',
    (pair) => pair.what === 'missing on source',
    (asked) => context.agreedAbsentOnSource(asked.map(({ key }) => key)),
  );
  await explain(
    'quarantined',
    () => true,
    (asked) => inQuarantine(context, asked),
  );
  return outcomes;

  async function explain(
    name: Comparison,
    applies: (pair: ComparedKey) => boolean,
    ask: (pairs: readonly ComparedKey[]) => Promise<readonly boolean[]>,
  ): Promise<void> {
    const asked = [...pairs.entries()].filter(([i, pair]) => outcomes[i] === 'different' && applies(pair));
    if (asked.length === 0) return;
    const answers = await ask(asked.map(([, pair]) => pair));
    for (const [i, [index]] of asked.entries()) if (answers[i]) outcomes[index] = name;
  }
}

function atFirstSight({ what, source }: ComparedKey): Comparison {
  if (what === null) return source === null ? 'gone' : 'equal';
  return 'different';
}

/** Returns whether the key is on one side only and has an expiry there. */
function hasOneExpiry({ source, target }: ComparedKey): boolean {
  return (source === null || target === null) && expiryOf({ source, target }) !== null;
}

function expiryOf({ source, target }: Pick<ComparedKey, Side>): bigint | null {
  return (source ?? target)?.expireAtMs ?? null;
}

/**
 * Returns for each key whether it has reached its expiry on the side that still has it, by the clock of that server.
 * Our own clock must not decide. If it were an hour ahead, every session that is missing on the other side would
 * count as just expired.
 */
function haveExpired(context: OutcomeContext, pairs: readonly ComparedKey[]): Promise<readonly boolean[]> {
  const placeOf = (pair: ComparedKey) =>
    pair.source === null ? serverOf(context.target, pair.targetKey) : serverOf(context.source, pair.key);
  return byPlace(pairs, placeOf, async (server, mine) => {
    const nowMs = await clockOf(server);
    return mine.map((pair) => (expiryOf(pair) ?? Infinity) <= nowMs + CLOCK_GRACE_MS);
  });
}

async function inQuarantine(
  context: OutcomeContext,
  pairs: readonly ComparedKey[],
): Promise<readonly boolean[]> {
  const pipeline = context.target.pipeline();
  for (const { key } of pairs) pipeline.hexists(context.quarantine, keyBytes(key));
  return ((await pipeline.exec()) ?? []).map(([error, found]) => {
    if (error) throw error;
    return found === 1;
  });
}

/**
 * Returns the function `agreedAbsentOnSource` for one link. It takes source keys that are absent on the source. For
 * each of them it returns whether both sides agreed on this absence while V2 had the key.
 *
 * The ledger belongs to the sync, and the verifier must not believe the sync. This is the only question that the
 * verifier asks it, because a read of values cannot show which keys are V2's own.
 */
export function agreedAbsent(
  link: Link,
  keyspace: Keyspace,
  sides: Readonly<Record<Side, Redis>>,
): (sourceKeys: readonly string[]) => Promise<readonly boolean[]> {
  const keyMap = makeKeyMap(link.datasets);
  const nameOn = (side: Side, key: string): string => keyMap.locate(key)?.names[side] ?? key;
  const entriesOn = (side: Side, keys: readonly string[]) => {
    const ledger = { keyspace, link: link.name, slotted: sides[side] instanceof RoutedRedis };
    const placed = keys.map((key) => {
      const place = entryPlaceOf(key);
      return { ledger: ledgerFor(nameOn(side, key), place, ledger), field: place.field };
    });
    return readEntries(sides[side], placed);
  };
  return async (keys) => {
    const [source, target] = await Promise.all([entriesOn('source', keys), entriesOn('target', keys)]);
    return keys.map((_key, i) => {
      const agreed = newest(source[i] ?? null, target[i] ?? null);
      return agreed?.source === ABSENT && agreed.target !== ABSENT;
    });
  };
}
