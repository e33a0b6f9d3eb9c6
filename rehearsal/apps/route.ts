import type { Redis } from 'ioredis';
import { AUTHORITY_KEY } from '../../domain/keys/keyspace.ts';
import type { Side } from '../../domain/plan/plan.ts';

/** The content of the authority record. `epoch` null = there is no record, so the authority has never moved. */
export type KnownRoute = { readonly side: Side; readonly epoch: string | null };

/** The side that an app writes to, as its own database says. */
export type Route = {
  /** The last record that the app has read. */
  known(): KnownRoute;
  /** Reads the record now. When the database does not answer, the app keeps the record that it knew. */
  refresh(): Promise<KnownRoute>;
};

export function followAuthority(own: Redis): Route {
  let known: KnownRoute = { side: 'source', epoch: null };
  return {
    known: () => known,
    refresh: async () => {
      const found = await own.hmget(AUTHORITY_KEY, 'authority', 'epoch').catch(() => null);
      if (found !== null)
        known = { side: found[0] === 'target' ? 'target' : 'source', epoch: found[1] ?? null };
      return known;
    },
  };
}
