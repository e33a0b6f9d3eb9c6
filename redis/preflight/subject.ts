import type { Redis } from 'ioredis';
import type { Dataset, Store } from '../../domain/plan.ts';

export type StoreUnderTest = {
  readonly store: Store;
  readonly redis: Redis;
  readonly database: number;
  /** One field of INFO; empty when the server does not tell it. */
  readonly info: (field: string) => string;
};

export type LinkUnderTest = {
  readonly name: string;
  readonly source: StoreUnderTest;
  readonly target: StoreUnderTest;
  readonly datasets: readonly Dataset[];
};
