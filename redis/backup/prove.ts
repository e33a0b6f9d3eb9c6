import type { Redis } from 'ioredis';
import { byteString } from '../client/key-bytes.ts';
import type { ChangeWatch } from './change-watch.ts';
import { contentDigest, lengthOf, smallTableDigest } from './content.ts';
import { clockOf } from '../client/server-info.ts';
import { copiesOf, type Copy, GONE, keyBatches, repliesOf, type Slice, slices } from './copies.ts';
import { changedSilently, type SilentStreams } from './silent-streams.ts';
import { BackupUnproven } from './unproven.ts';
import { createHash } from 'node:crypto';

/**
 * The input of a proof: it shows that a scratch server that was started on a backup holds what the live store held when
 * the backup was taken.
 *
 * A key that only one of them has, or that differs, needs an explanation. Either it changed since the watch was opened,
 * which was before the snapshot, or it expired. There are three races:
 *
 * 1. An app writes between our two reads. The watch knows the key, because we ask the watch only after its barrier. The
 *    work of a consumer group raises no event. So the silent state of a stream, which such work changes, is compared
 *    with its silent state before the snapshot.
 * 2. The clocks of the servers differ. A key counts as expired by the clock of the side that lacks it.
 * 3. A SCAN of the live store misses a key that is renamed meanwhile. The watch knows both names.
 */
type Comparison = {
  readonly store: string;
  readonly scratch: Redis;
  readonly live: Redis;
  readonly watch: ChangeWatch;
  /** The silent states of the streams, read after the watch was opened and before the snapshot. */
  readonly streams: SilentStreams;
  /** Takes a key (byte string). Returns the name under which it is counted; `null` = the proof ignores it. */
  readonly ownerOf: (key: string) => string | null;
  readonly signal: AbortSignal;
};

/** The result of a proof. */
export type BackupProof = {
  readonly keys: number;
  /** Keys that differ because they were written or deleted since the watch was opened. */
  readonly changedSince: number;
  /** Keys that only one side has, because they expired on the other. */
  readonly expiredSince: number;
  readonly datasets: readonly DatasetDigest[];
};

type Suspect = { readonly key: Buffer; readonly backup: Copy; readonly live: Copy };
type Tally = { changed: number; expired: number; differing: number; liveKeys: number };

/**
 * Compares a restored backup with the live store, key by key in both directions.
 *
 * @throws BackupUnproven when a difference has no explanation; WatchLost when the watch may have missed events
 */
export async function proveBackup(comparison: Comparison): Promise<BackupProof> {
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
  slice: Slice,
  digests: DatasetDigests,
): Promise<Suspect[]> {
  const [held, lived] = await Promise.all([copiesOf(scratch, slice), copiesOf(live, slice)]);
  const pairs = slice.keys.map((key, i) => ({ key, backup: held[i] as Copy, live: lived[i] as Copy }));
  const there = pairs.filter((pair) => pair.backup.body !== null);
  // All digests run at once. One after the other, the round trips for a few thousand hashes take a minute.
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
    const until = await repliesOf<number | string>(expiries);
    const suspects = missing.map((key, index) => ({
      key,
      backup: { body: null, expiresAt: GONE },
      live: { body: Buffer.alloc(0), expiresAt: BigInt(until[index] ?? GONE) },
    }));
    await judge(
      comparison,
      suspects.filter((suspect) => suspect.live.expiresAt !== GONE),
      tally,
    );
  }
}

/**
 * Counts each suspect as changed, expired or differing. A suspect whose contents turn out to be equal is not counted.
 */
async function judge(comparison: Comparison, suspects: readonly Suspect[], tally: Tally): Promise<void> {
  if (suspects.length === 0) return;
  const open = await unexplained(comparison, suspects, tally);
  const same = await Promise.all(open.map((suspect) => sameContent(comparison, suspect)));
  const different = open.filter((_suspect, i) => !same[i]);
  if (different.length === 0) return;
  // `sameContent` has read these keys again, so a write after the first barrier can explain their difference too.
  tally.differing += (await unexplained(comparison, different, tally)).length;
}

async function unexplained(
  { watch, streams, scratch, live }: Comparison,
  suspects: readonly Suspect[],
  tally: Tally,
): Promise<Suspect[]> {
  await watch.settle();
  const [scratchNow, liveNow] = await Promise.all([clockOf(scratch), clockOf(live)]);
  const untold = suspects.filter((suspect) => {
    if (watch.hasChanged(suspect.key)) tally.changed++;
    else if (isExpired(suspect, scratchNow, liveNow)) tally.expired++;
    else return true;
    return false;
  });
  const silently = await changedSilently(
    live,
    streams,
    untold.map(({ key }) => key),
  );
  tally.changed += silently.size;
  return untold.filter(({ key }) => !silently.has(byteString(key)));
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

/**
 * RDB types of sets and hashes that are stored as hashtables; the last type has field TTLs. Only the bytes of these
 * types differ after a mere reload.
 */
const [SET, HASH, HASH_WITH_TTLS] = [2, 4, 22];

type DatasetDigest = { readonly name: string; readonly keys: number; readonly digest: string };

/**
 * Counts the keys of a backup for each dataset. Its digest covers key, content and expiry of each key, and does not
 * depend on the order of the keys.
 */
class DatasetDigests {
  readonly #datasets = new Map<string, { keys: number; readonly digest: Buffer }>();

  async add(name: string, scratch: Redis, key: Buffer, copy: Copy): Promise<void> {
    const body = copy.body ?? Buffer.alloc(0);
    const content = copy.isDigest ? body : ((await tableDigest(scratch, key, body[0] ?? 0)) ?? body);
    const hash = createHash('sha256').update(lengthOf(key)).update(key);
    const digest = hash.update(`${copy.expiresAt};`).update(content).digest();
    const dataset = this.#datasets.get(name) ?? { keys: 0, digest: Buffer.alloc(32) };
    dataset.keys++;
    for (const [index, byte] of digest.entries()) dataset.digest[index] = (dataset.digest[index] ?? 0) ^ byte;
    this.#datasets.set(name, dataset);
  }

  list(): DatasetDigest[] {
    return [...this.#datasets]
      .map(([name, { keys, digest }]) => ({ name, keys, digest: digest.toString('hex') }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}

/** Returns the digest of a set or hash stored as a hashtable. `null`: the bytes of the DUMP serve for the digest. */
async function tableDigest(scratch: Redis, key: Buffer, rdbType: number): Promise<Buffer | null> {
  if (rdbType === SET) return smallTableDigest(scratch, key, 'set');
  if (rdbType === HASH) return smallTableDigest(scratch, key, 'hash');
  return rdbType === HASH_WITH_TTLS ? contentDigest(scratch, key) : null;
}
