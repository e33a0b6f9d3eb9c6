import { connect, type Socket } from 'node:net';

/** A write as a server tells it to its replicas: expiries absolute, an expired key as DEL. */
export type Command = readonly Buffer[];

export type ReplicationStream = {
  /** What came since the last call, in order. */
  take(): readonly Command[];
  close(): void;
};

const LINE = Buffer.from('\r\n');

/** Follows a server as a replica does, from a full synchronisation on, whose RDB it passes over. Resolves at the end of the RDB. */
export async function openReplicationStream(port: number): Promise<ReplicationStream> {
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

/** `+FULLRESYNC … \r\n`, empty lines while the RDB is made, `$<bytes>\r\n`, the RDB; returns what follows. */
async function afterSnapshot(socket: Socket): Promise<Buffer> {
  // Without "capa eof" the length of the RDB is told beforehand.
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

/** Whole commands at the start of `text`, and where the first incomplete one begins. */
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
