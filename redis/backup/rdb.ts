import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { resolveUrl } from '../../domain/environment.ts';
import type { Store } from '../../domain/plan.ts';
import { type Environment, StoreUnreachable } from '../connection.ts';
import { plainReason } from './diagnosis.ts';
import { syncFolder } from './durable.ts';
import { logIn, openReplicaLink, type ReplicaLink } from './replica-link.ts';

const CHUNK_BYTES = 1 << 20;
const EOF_MARK_BYTES = 40;

/** `replicationOffset`: the point of the command stream at which the server took the snapshot. */
export type FetchedRdb = {
  readonly bytes: number;
  readonly sha256: string;
  readonly replicationOffset: number;
  readonly runId: string;
};

/**
 * Takes an RDB of the whole server through the replication protocol, as a replica would, and writes it to
 * `file` (0600, fsynced, renamed into place). Memory is bounded by a chunk. Not by `redis-cli --rdb`: without
 * the right address it backs up another server and says nothing (B1).
 *
 * @throws StoreUnreachable with one sentence, no address and no password in it (L12)
 */
export async function fetchRdb(
  store: Store,
  environment: Environment,
  file: string,
  signal: AbortSignal,
): Promise<FetchedRdb> {
  const partial = `${file}.fetching`;
  let link: ReplicaLink | null = null;
  try {
    const url = new URL(resolveUrl(store.url, environment));
    link = await openReplicaLink(url, signal);
    const runId = await introduce(link, url);
    const snapshot = await requestSnapshot(link);
    const received = await receive(link, snapshot.frame, partial);
    await rename(partial, file);
    await syncFolder(dirname(file));
    return { ...received, replicationOffset: snapshot.offset, runId };
  } catch (error) {
    await rm(partial, { force: true });
    signal.throwIfAborted();
    if (isFileError(error)) throw error;
    throw new StoreUnreachable(store.name, `no RDB: ${plainReason(error)}`, { cause: error });
  } finally {
    link?.close();
  }
}

/** Logs in and presents us as a replica that can take an RDB of unknown length. Returns the server's run id. */
async function introduce(link: ReplicaLink, url: URL): Promise<string> {
  await logIn(link, url);
  await link.ask('PING');
  const info = await link.ask('INFO', 'server');
  await link.ask('REPLCONF', 'capa', 'eof');
  // Spares the server a replication buffer for a replica that never reads on; unknown before 6.2: no harm.
  await link.ask('REPLCONF', 'rdb-only', '1').catch(() => undefined);
  return /^run_id:(\w+)/m.exec(info)?.[1] ?? 'unknown';
}

async function requestSnapshot(link: ReplicaLink): Promise<{ offset: number; frame: string }> {
  const answer = await link.ask('PSYNC', '?', '-1');
  const resync = /^\+FULLRESYNC \w+ (\d+)$/.exec(answer);
  if (!resync) throw new Error(`unexpected answer to PSYNC: ${answer.slice(0, 40)}`);
  const frame = await link.line();
  if (!/^\$(EOF:.{40}|\d+)$/.test(frame)) throw new Error('unexpected framing of the RDB');
  return { offset: Number(resync[1]), frame: frame.slice(1) };
}

async function receive(
  link: ReplicaLink,
  frame: string,
  file: string,
): Promise<{ bytes: number; sha256: string }> {
  await rm(file, { force: true });
  const handle = await open(file, 'wx', 0o600);
  const sink = { handle, hash: createHash('sha256'), bytes: 0 };
  try {
    if (frame.startsWith('EOF:')) await receiveUntil(link, Buffer.from(frame.slice(4), 'latin1'), sink);
    else await receiveLength(link, Number(frame), sink);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytes: sink.bytes, sha256: sink.hash.digest('hex') };
}

type Sink = { readonly handle: FileHandle; readonly hash: Hash; bytes: number };

async function receiveLength(link: ReplicaLink, length: number, sink: Sink): Promise<void> {
  while (sink.bytes < length) await put(sink, await link.some(Math.min(CHUNK_BYTES, length - sink.bytes)));
}

/** Diskless framing: the last 40 bytes are held back until it is clear that they are not the mark. */
async function receiveUntil(link: ReplicaLink, mark: Buffer, sink: Sink): Promise<void> {
  let tail: Buffer = Buffer.alloc(0);
  while (!tail.equals(mark)) {
    const seen = Buffer.concat([tail, await link.some(CHUNK_BYTES)]);
    const settled = Math.max(0, seen.length - EOF_MARK_BYTES);
    await put(sink, seen.subarray(0, settled));
    tail = seen.subarray(settled);
  }
}

async function put(sink: Sink, chunk: Buffer): Promise<void> {
  if (chunk.length === 0) return;
  sink.hash.update(chunk);
  sink.bytes += chunk.length;
  await sink.handle.writeFile(chunk);
}

function isFileError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'ENOENT', 'EEXIST', 'EIO'].includes(code);
}
