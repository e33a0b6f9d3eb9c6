import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { knowsFieldTtls } from '../client/capabilities.ts';
import { hasPieces, readInChunks } from '../client/chunked-read.ts';
import { serverOf } from '../client/cluster-client.ts';
import { byteString } from '../client/key-bytes.ts';
import { type HashRecord, keptKey } from '../state/journal.ts';
import { syncFolder } from './folders.ts';

/** A file of records that leave Redis. It is opened with the first record. */
export type SavedRecords = {
  /** Appends one record, with the whole value where the value is under a key of its own. */
  add(record: HashRecord): Promise<void>;
  /** Returns when the disk has every record. Only then may they be deleted in Redis. */
  close(): Promise<void>;
};

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * Appends records of a hash of ours to the file `<name>.jsonl` in a folder: one line of JSON for each, bytes in base64.
 * The file holds personal data, so only its owner can read it. A link in its place is an error: the file would be
 * written wherever the link leads to. Every method throws the error of the file system.
 *
 * @param redis the store that holds the records and their values
 */
export function savedRecords(folder: string, name: string, redis: Redis): SavedRecords {
  const path = join(folder, `${name}.jsonl`);
  let file: FileHandle | null = null;
  return {
    add: async (record) => {
      file ??= await openAtWholeLine(folder, path);
      for await (const line of linesOf(redis, record)) await file.write(`${JSON.stringify(line)}\n`);
    },
    close: async () => {
      if (file === null) return;
      const isOnDisk = (await file.stat()).isFile();
      try {
        if (isOnDisk) await file.sync();
      } finally {
        await file.close();
      }
      if (isOnDisk) await syncFolder(folder);
    },
  };
}

/**
 * Opens the file and cuts off what stands behind its last line: a process died while it wrote there, or the disk was
 * full. That record is still in Redis.
 */
async function openAtWholeLine(folder: string, path: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(path, APPEND, 0o600);
  const { size } = await file.stat();
  const whole = await wholeLines(path, size);
  if (whole < size) await file.truncate(whole);
  return file;
}

const PIECE_BYTES = 1 << 16;

/** Returns how many bytes the complete lines of a file have. It reads from the end, because the file may be large. */
async function wholeLines(path: string, size: number): Promise<number> {
  if (size === 0) return 0;
  const file = await open(path, 'r');
  try {
    for (let end = size; end > 0; ) {
      const from = Math.max(0, end - PIECE_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from);
      const at = buffer.subarray(0, bytesRead).lastIndexOf('\n');
      if (at >= 0) return from + at + 1;
      end = from;
    }
    return 0;
  } finally {
    await file.close();
  }
}

/**
 * Yields the line of one record. If its value is under a key of its own, the commands that rebuild the value follow:
 * first the words, then (at the restore) the key, then the arguments.
 */
async function* linesOf(redis: Redis, [field, record]: HashRecord): AsyncGenerator<object> {
  yield { field: field.toString('base64'), record: record.toString('base64') };
  const key = keptKey(record);
  const server = key ? serverOf(redis, byteString(key)) : redis;
  const type = key ? await server.type(key) : 'none';
  // An abort has put this value back already, so there is nothing to save.
  if (!key || type === 'none') return;
  if (!hasPieces(type)) {
    const dump = (await server.dumpBuffer(key)).toString('base64');
    yield {
      field: field.toString('base64'),
      words: ['RESTORE'],
      args: [Buffer.from('0').toString('base64'), dump],
    };
    return;
  }
  const fieldTtls = await knowsFieldTtls(server);
  for await (const { words, args } of readInChunks({ redis: server, key, type, fieldTtls })) {
    const encoded = args.map((part) => Buffer.from(part).toString('base64'));
    yield { field: field.toString('base64'), words, args: encoded };
  }
}
