import type { Redis } from 'ioredis';
import { byteString } from '../key-bytes.ts';
import type { ChangeWatch } from './change-watch.ts';
import { contentDigest } from './content.ts';
import { type Copy, clockOf, keyBatches, readCopies, repliesOf, slices } from './copies.ts';
import { type DatasetDigest, DatasetDigests } from './dataset-digests.ts';
import { BackupUnproven } from './unproven.ts';

/**
 * L10: shows that a scratch server booted on a backup holds what the live store held when the backup was taken.
 *
 * Every key of one that the other lacks or holds differently must have changed since the watch was opened, which
 * was before the snapshot, or have expired by itself. Races: (1) an app writes between our two reads: the watch has
 * the key, because it is asked only after its barrier; (2) the clocks differ: a key counts as expired by the clock
 * of the side that lacks it; (3) a live SCAN misses a key that is renamed meanwhile: both names are in the watch.
 */
export type Comparison = {
  readonly store: string;
  readonly scratch: Redis;
  readonly live: Redis;
  readonly watch: ChangeWatch;
  /** Name under which a key is counted; `null` = none of ours. Takes a byte string. */
  readonly ownerOf: (key: string) => string | null;
  readonly signal: AbortSignal;
};

export type Proof = {
  readonly keys: number;
  /** Keys that differ because they were written or deleted since the snapshot. */
  readonly changedSince: number;
  readonly expiredSince: number;
  readonly datasets: readonly DatasetDigest[];
};

type Suspect = { readonly key: Buffer; readonly backup: Copy; readonly live: Copy };
type Tally = { changed: number; expired: number; differing: number; liveKeys: number };

/** @throws BackupUnproven, WatchLost */
export async function proveBackup(comparison: Comparison): Promise<Proof> {
  const tally: Tally = { changed: 0, expired: 0, differing: 0, liveKeys: 0 };
  const digests = new DatasetDigests();
  await everyBackupKeyIsLive(comparison, tally, digests);
  await everyLiveKeyIsBackedUp(comparison, tally);
  await comparison.watch.settle();
  const datasets = digests.list();
  const keys = datasets.reduce((sum, dataset) => sum + dataset.keys, 0);
  refuse(comparison, tally, keys);
  return { keys, changedSince: tally.changed, expiredSince: tally.expired, datasets };
}

function refuse({ store, watch }: Comparison, tally: Tally, keys: number): void {
  if (tally.differing > 0 && watch.overflowed()) {
    throw new BackupUnproven(store, 'too many keys changed while it was compared; take it at a quieter time');
  }
  if (tally.differing > 0) {
    throw new BackupUnproven(
      store,
      `${tally.differing} keys differ from the live store without having changed`,
    );
  }
  if (keys === 0 && tally.liveKeys > 0) {
    throw new BackupUnproven(store, 'it holds no key and the live store does');
  }
}

async function everyBackupKeyIsLive(
  comparison: Comparison,
  tally: Tally,
  digests: DatasetDigests,
): Promise<void> {
  for await (const keys of keyBatches(comparison.scratch, comparison.signal)) {
    const ours = keys.filter((key) => comparison.ownerOf(byteString(key)) !== null);
    for await (const slice of slices(comparison.scratch, ours)) {
      await judge(comparison, await suspectsOf(comparison, slice, digests), tally);
    }
  }
}

async function suspectsOf(
  { scratch, live, ownerOf }: Comparison,
  slice: readonly Buffer[],
  digests: DatasetDigests,
): Promise<Suspect[]> {
  const [held, lived] = await Promise.all([readCopies(scratch, slice), readCopies(live, slice)]);
  const pairs = slice.map((key, i) => ({ key, backup: held[i] as Copy, live: lived[i] as Copy }));
  const there = pairs.filter((pair) => pair.backup.body !== null);
  // All at once: one after the other, the round trips of a few thousand hashes are a minute.
  await Promise.all(
    there.map(({ key, backup }) => digests.add(ownerOf(byteString(key)) ?? '', scratch, key, backup)),
  );
  return there.filter((pair) => !sameBytes(pair));
}

async function everyLiveKeyIsBackedUp(comparison: Comparison, tally: Tally): Promise<void> {
  const { scratch, live, ownerOf, signal } = comparison;
  for await (const keys of keyBatches(live, signal)) {
    const ours = keys.filter((key) => ownerOf(byteString(key)) !== null);
    tally.liveKeys += ours.length;
    const pipeline = scratch.pipeline();
    for (const key of ours) pipeline.exists(key);
    const there = await repliesOf<number>(pipeline);
    const missing = ours.filter((_key, index) => there[index] === 0);
    const expiries = live.pipeline();
    for (const key of missing) expiries.pexpiretime(key);
    const until = await repliesOf<number>(expiries);
    const suspects = missing.map((key, index) => ({
      key,
      backup: { body: null, expiresAt: -2 },
      live: { body: Buffer.alloc(0), expiresAt: until[index] ?? -2 },
    }));
    await judge(
      comparison,
      suspects.filter((suspect) => suspect.live.expiresAt !== -2),
      tally,
    );
  }
}

/** Sorts suspects into changed, expired, equal after all, and differing. */
async function judge(comparison: Comparison, suspects: readonly Suspect[], tally: Tally): Promise<void> {
  if (suspects.length === 0) return;
  const open = await unexplained(comparison, suspects, tally);
  const same = await Promise.all(open.map((suspect) => sameContent(comparison, suspect)));
  const different = open.filter((_suspect, i) => !same[i]);
  if (different.length === 0) return;
  // Read again for the content, so a write since the first barrier explains it too.
  tally.differing += (await unexplained(comparison, different, tally)).length;
}

async function unexplained(
  { watch, scratch, live }: Comparison,
  suspects: readonly Suspect[],
  tally: Tally,
): Promise<Suspect[]> {
  await watch.settle();
  const [scratchNow, liveNow] = await Promise.all([clockOf(scratch), clockOf(live)]);
  return suspects.filter((suspect) => {
    if (watch.hasChanged(suspect.key)) tally.changed++;
    else if (isExpired(suspect, scratchNow, liveNow)) tally.expired++;
    else return true;
    return false;
  });
}

function isExpired({ backup, live }: Suspect, scratchNow: number, liveNow: number): boolean {
  if (live.body === null) return backup.expiresAt >= 0 && backup.expiresAt <= liveNow;
  return backup.body === null && live.expiresAt >= 0 && live.expiresAt <= scratchNow;
}

function sameBytes({ backup, live }: Suspect): boolean {
  if (backup.body === null || live.body === null) return false;
  return backup.expiresAt === live.expiresAt && backup.body.equals(live.body);
}

async function sameContent(
  { scratch, live }: Comparison,
  { key, backup, live: lived }: Suspect,
): Promise<boolean> {
  if (backup.body === null || lived.body === null || backup.expiresAt !== lived.expiresAt) return false;
  const [held, there] = await Promise.all([contentDigest(scratch, key), contentDigest(live, key)]);
  return held !== null && there !== null && held.equals(there);
}
