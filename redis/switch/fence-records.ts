import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { Store } from '../../domain/plan.ts';
import type { OpenStore, Stores } from '../stores.ts';

/** Where the rules of a store's users are kept while they are fenced: on the store, and their rights on the other side. */
export type Kept = {
  readonly store: Store;
  readonly redis: Redis;
  readonly keyspace: Keyspace;
  readonly keeper: Redis;
};

/** The rule of a user on one server; `id` names a node of a cluster, because each has rules of its own. */
export function recordOf({ keyspace }: Kept, user: string, id: string): string {
  return id === '' ? keyspace.fence(user) : `${keyspace.fence(user)}:${id}`;
}

/** The copy of its rights on the other side, which no loss of this one reaches. */
export function copyOf({ store, keyspace, keeper }: Kept, user: string, id: string) {
  const ofStore = `${store.name} ${user}`;
  const field = id === '' ? ofStore : `${ofStore} ${id}`;
  return {
    read: () => keeper.hget(keyspace.fenced(), field),
    write: async (rule: string) => void (await keeper.hsetnx(keyspace.fenced(), field, rule)),
    drop: async () => void (await keeper.hdel(keyspace.fenced(), field)),
    /** Whether a field is a copy of this user, on whatever node: one that has taken over has none of its own. */
    isAmong: (other: string) => other === ofStore || other.startsWith(`${ofStore} `),
  };
}

/** Where the copy for a store stands: on the other side. */
export function keeperOf(stores: Stores, { store }: OpenStore): Redis {
  if (store.side === 'source') return stores.target.redis;
  const [source] = stores.of('source');
  if (!source) throw new Error('plan without a source store');
  return source.redis;
}
