import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Store } from '../../domain/plan/plan.ts';
import type { Environment } from '../client/connection.ts';
import { infoField } from '../client/server-info.ts';
import { type ServerAddress, serverAddressOf } from '../client/store-address.ts';
import { because, StoreUnreachable, troubleOf, vagueTrouble } from '../client/unreachable.ts';
import type { Trouble } from '../tls/tls-trouble.ts';
import { syncFolder } from './folders.ts';
import { logIn, openReplicaLink, type ReplicaLink } from './replica-link.ts';

const CHUNK_BYTES = 1 << 20;
const EOF_MARK_BYTES = 40;

/** `replicationOffset`: position in the server's command stream at which it took the snapshot. */
export type FetchedRdb = {
  readonly bytes: number;
  readonly sha256: string;
  readonly replicationOffset: number;
  readonly runId: string;
};

/**
 * Fetches an RDB of the whole server by the replication protocol, as a replica does, and writes it to `file` (0600,
 * fsynced, renamed into place). It keeps at most one chunk in memory. It does not use `redis-cli --rdb`, which backs up
 * another server without an error when its address is wrong.
 *
 * @throws StoreUnreachable with one sentence that holds no address and no password
 * @throws the error of the file system when the file cannot be written
 */
export async function fetchRdb(
  store: Store,
  environment: Environment,
  file: string,
  signal: AbortSignal,
): Promise<FetchedRdb> {
  const partial = `${file}.fetching`;
  const address = serverAddressOf(store, environment);
  let link: ReplicaLink | null = null;
  try {
    link = await openReplicaLink(address, signal);
    const runId = await introduce(link, address);
    const snapshot = await requestSnapshot(link);
    const received = await receive(link, snapshot.frame, partial);
    await rename(partial, file);
    await syncFolder(dirname(file));
    return { ...received, replicationOffset: snapshot.offset, runId };
  } catch (error) {
    await rm(partial, { force: true });
    signal.throwIfAborted();
    if (isFileError(error)) throw error;
    const { reason, remedy } = whyNone(error, address);
    throw new StoreUnreachable(store.name, { reason: `no RDB: ${reason}`, remedy }, { cause: error });
  } finally {
    link?.close();
  }
}

function whyNone(error: unknown, address: ServerAddress): Trouble {
  if (error instanceof Error && /unknown (?:sub)?command/i.test(error.message))
    return because('the server does not have PSYNC, REPLCONF or INFO: a hosted server may hide them');
  if (error instanceof Error && /NOPERM/.test(error.message))
    return because('the user lacks the right to PSYNC, REPLCONF or INFO');
  return troubleOf(error, address) ?? vagueTrouble(error);
}

/** Logs in and introduces us as a replica that can take an RDB of unknown length. Returns the server's run id. */
async function introduce(link: ReplicaLink, address: ServerAddress): Promise<string> {
  await logIn(link, address);
  await link.ask('PING');
  const info = await link.ask('INFO', 'server');
  await link.ask('REPLCONF', 'capa', 'eof');
  // Unless we name our version, Valkey writes an RDB that older replicas can read. At data that such an RDB cannot
  // hold, such as a TTL of a hash field, it closes the connection. Servers that do not know this option refuse it,
  // which does no harm.
  const version = infoField(info, 'valkey_version');
  if (version) await link.ask('REPLCONF', 'version', version).catch(() => undefined);
  // We read no commands after the RDB, so the server need not keep a replication buffer for us. Servers before 6.2 do
  // not know this option and refuse it, which does no harm.
  await link.ask('REPLCONF', 'rdb-only', '1').catch(() => undefined);
  return infoField(info, 'run_id') || 'unknown';
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

/**
 * Reads an RDB in diskless framing, which ends with a mark of 40 bytes. It holds back the last 40 bytes until it knows
 * that they are not the mark.
 */
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
