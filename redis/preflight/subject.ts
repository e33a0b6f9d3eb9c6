import type { Redis } from 'ioredis';
import type { Dataset, Store } from '../../domain/plan.ts';

export type StoreUnderTest = {
  readonly store: Store;
  readonly redis: Redis;
  readonly database: number;
  /** Of a cluster every master; else the one server. */
  readonly servers: readonly ServerUnderTest[];
};

export type ServerUnderTest = {
  readonly store: Store;
  readonly redis: Redis;
  readonly database: number;
  /** Makes a key of ours stand on this node; empty: one server, which holds every key. */
  readonly tag: string;
  /** How much of the store's keys it serves, 0 to 1, as far as slots tell. */
  readonly share: number;
  /** One field of INFO; empty when the server does not tell it. */
  readonly info: (field: string) => string;
};

export type LinkUnderTest = {
  readonly name: string;
  readonly source: StoreUnderTest;
  readonly target: StoreUnderTest;
  readonly datasets: readonly Dataset[];
};
