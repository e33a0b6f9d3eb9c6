import type { Redis } from 'ioredis';
import { ABSENT } from '../../domain/digest.ts';
import { makeKeyMap } from '../../domain/key-map.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { newest } from '../../domain/ledger-entry.ts';
import type { Link } from '../../domain/link.ts';
import type { Side } from '../../domain/side.ts';
import { placeOf, readEntries } from '../ledger.ts';
import { ledgerAt } from '../sync/side-port.ts';

/**
 * For source keys that are absent on the source: whether both sides have agreed on just that while V2 had the key. The
 * ledger is the copier's, and asked for nothing else: what V2 owns no read of values tells (L13).
 */
export function agreedAbsent(
  link: Link,
  keyspace: Keyspace,
  sides: Readonly<Record<Side, Redis>>,
): (sourceKeys: readonly string[]) => Promise<readonly boolean[]> {
  const keyMap = makeKeyMap(link.datasets);
  const nameOn = (side: Side, key: string): string => {
    const dataset = side === 'target' ? keyMap.owner('source', key) : null;
    return dataset ? keyMap.counterpart(dataset, 'source', key) : key;
  };
  const entriesOn = (side: Side, keys: readonly string[]) =>
    readEntries(
      sides[side],
      keys.map((key) => {
        const place = placeOf(key);
        return {
          ledger: ledgerAt(sides[side], keyspace, link.name, nameOn(side, key), place),
          field: place.field,
        };
      }),
    );
  return async (keys) => {
    const [source, target] = await Promise.all([entriesOn('source', keys), entriesOn('target', keys)]);
    return keys.map((_key, i) => {
      const agreed = newest(source[i] ?? null, target[i] ?? null);
      return agreed?.source === ABSENT && agreed.target !== ABSENT;
    });
  };
}
