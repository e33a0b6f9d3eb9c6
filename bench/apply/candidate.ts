import type { Redis } from 'ioredis';

/** A key as it was read on the source: its DUMP and its absolute expiry, ms (0 = none). */
export type Read = { readonly key: Buffer; readonly dump: Buffer; readonly expireAt: number };

/** Where a candidate writes: `tracked` hears of changes, by NOLOOP not of what it wrote by plain commands. */
export type Sink = { readonly tracked: Redis; readonly lease: string };

/** A way to write a batch of states. Each must say what it guarantees besides being fast. */
export type Candidate = (sink: Sink) => Promise<(batch: readonly Read[]) => Promise<void>>;

export const LEDGER = 'jday:bench:ledger:';

/** One of the engine's 16 384 buckets, spread as theirs are. */
export function bucketOf({ dump }: Read): string {
  return LEDGER + (dump.readUInt16BE(dump.length - 2) % 16_384).toString(36);
}
