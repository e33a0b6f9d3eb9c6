import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connect, type Socket } from 'node:net';

type SnapshotAndStream = {
  readonly source: Redis;
  /** Port of the source, for the connection of the stream. */
  readonly port: number;
  readonly target: Redis;
  /** Only keys with this prefix are copied. */
  readonly prefix: string;
  readonly keysPerSecond: number;
  /** The stream is followed until this aborts. */
  readonly signal: AbortSignal;
};

type Copied = { readonly restored: number; readonly commands: number };

type Entry = { readonly key: Buffer; readonly expireAt: number; readonly payload: Buffer };
const BATCH = 100;

/**
 * Copies like RedisShake and similar tools. It loads a snapshot of the values with their expiries. Then it replays in
 * order all commands since the snapshot, so it leaves out no write.
 *
 * But it loses a key whose expiry passes while the snapshot is loaded. The target has deleted this key before the
 * renewals of the expiry are replayed, and a renewal has no effect on a missing key.
 */
export async function snapshotAndStream(given: SnapshotAndStream): Promise<Copied> {
  const stream = await openReplicationStream(given.port);
  try {
    const entries = await snapshot(given);
    const began = performance.now();
    for (let at = 0; at < entries.length; at += BATCH) {
      await load(given.target, entries.slice(at, at + BATCH));
      const dueMs = ((at + BATCH) / given.keysPerSecond) * 1_000;
      await delay(Math.max(0, began + dueMs - performance.now()));
    }
    let commands = 0;
    while (!given.signal.aborted) {
      const taken = stream.take().filter((command) => concerns(command, given.prefix));
      await replay(given.target, taken);
      commands += taken.length;
      if (taken.length === 0) await delay(1);
    }
    return { restored: entries.length, commands };
  } finally {
    stream.close();
  }
}

async function snapshot({ source, prefix }: SnapshotAndStream): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let cursor = '0';
  do {
    const [next, keys] = (await source.callBuffer('SCAN', [
      cursor,
      'MATCH',
      `${prefix}*`,
      'COUNT',
      '1000',
    ])) as [Buffer, Buffer[]];
    const pipeline = source.pipeline();
    for (const key of keys) pipeline.callBuffer('PEXPIRETIME', key).callBuffer('DUMP', key);
    const replies = (await pipeline.exec()) ?? [];
    for (const [at, key] of keys.entries()) {
      const [expireAt, payload] = [Number(replies[at * 2]?.[1]), replies[at * 2 + 1]?.[1]];
      if (payload instanceof Buffer) entries.push({ key, expireAt, payload });
    }
    cursor = next.toString();
  } while (cursor !== '0');
  return entries;
}

async function load(target: Redis, entries: readonly Entry[]): Promise<void> {
  const pipeline = target.pipeline();
  for (const { key, expireAt, payload } of entries)
    pipeline.callBuffer('RESTORE', key, String(Math.max(0, expireAt)), payload, 'REPLACE', 'ABSTTL');
  await pipeline.exec();
}

async function replay(target: Redis, commands: readonly Command[]): Promise<void> {
  if (commands.length === 0) return;
  const pipeline = target.pipeline();
  for (const [name, ...args] of commands) pipeline.callBuffer(String(name), ...args);
  await pipeline.exec();
}

function concerns([, key]: Command, prefix: string): boolean {
  return key?.toString('latin1').startsWith(prefix) ?? false;
}

/** A write as a server sends it to its replicas: expiries are absolute, and an expired key is a DEL. */
type Command = readonly Buffer[];

type ReplicationStream = {
  /** Returns the commands since the last call, in order. */
  take(): readonly Command[];
  close(): void;
};

const LINE = Buffer.from('\r\n');

/**
 * Follows a server as a replica does, beginning with a full synchronisation. It skips the RDB and resolves at the end
 * of the RDB.
 */
async function openReplicationStream(port: number): Promise<ReplicationStream> {
  const socket = connect(port, '127.0.0.1');
  let text = await afterSnapshot(socket);
  let commands: Command[] = [];
  const more = (data: Buffer) => {
    text = Buffer.concat([text, data]);
    const parsed = parse(text);
    commands = commands.concat(parsed.commands);
    text = text.subarray(parsed.end);
  };
  more(Buffer.alloc(0));
  socket.on('data', more);
  return {
    take: () => commands.splice(0),
    close: () => socket.destroy(),
  };
}

/**
 * Reads the answer to PSYNC: `+FULLRESYNC … \r\n`, empty lines while the RDB is made, `$<bytes>\r\n`, the RDB.
 *
 * @returns the bytes after the RDB
 */
async function afterSnapshot(socket: Socket): Promise<Buffer> {
  // Without "capa eof" the server sends the length of the RDB before the RDB.
  socket.write('PSYNC ? -1\r\n');
  let text = Buffer.alloc(0);
  for await (const data of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text = Buffer.concat([text, data]);
    const head = /^\+FULLRESYNC [^\r]*\r\n\s*\$(\d+)\r\n/.exec(text.subarray(0, 400).toString('latin1'));
    const end = head ? head[0].length + Number(head[1]) : Infinity;
    if (text.length >= end) return text.subarray(end);
  }
  throw new Error('the server ended the replication before its snapshot was over');
}

/** Returns the whole commands at the start of `text`, and the offset of the first incomplete one. */
function parse(text: Buffer): { readonly commands: readonly Command[]; readonly end: number } {
  const commands: Command[] = [];
  let end = 0;
  for (let next = parseOne(text, end); next; next = parseOne(text, end)) {
    if (next.command.length > 0) commands.push(next.command);
    end = next.end;
  }
  return { commands, end };
}

function parseOne(text: Buffer, start: number): { readonly command: Command; readonly end: number } | null {
  const head = lineAt(text, start);
  if (!head) return null;
  const words: Buffer[] = [];
  let at = head.end;
  for (let left = head.text.startsWith('*') ? Number(head.text.slice(1)) : 0; left > 0; left--) {
    const size = lineAt(text, at);
    if (!size) return null;
    const end = size.end + Number(size.text.slice(1));
    if (text.length < end + LINE.length) return null;
    words.push(text.subarray(size.end, end));
    at = end + LINE.length;
  }
  return { command: words, end: at };
}

function lineAt(text: Buffer, start: number): { readonly text: string; readonly end: number } | null {
  const end = text.indexOf(LINE, start);
  return end < 0 ? null : { text: text.toString('latin1', start, end), end: end + LINE.length };
}
