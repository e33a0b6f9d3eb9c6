import type { Redis } from 'ioredis';
import { AUTHORITY_KEY } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';

/** What the authority record says; no record (`epoch` null) means that nobody ever moved the authority. */
export type Known = { readonly side: Side; readonly epoch: string | null };

/** Where an app writes, as its own database says. */
export type Route = {
  /** As far as the app knows. */
  known(): Known;
  /** Reads the record now. Keeps what it knew when the database does not answer. */
  refresh(): Promise<Known>;
};

export function followAuthority(own: Redis): Route {
  let known: Known = { side: 'source', epoch: null };
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
