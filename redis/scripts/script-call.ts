import { Command } from 'ioredis';

/** A string here is a byte string: one character for each byte. */
export type Argument = string | Buffer;

/**
 * A call of a loaded script, written into one buffer of the exact size. ioredis makes one or two small buffers for each
 * argument. For the hundreds of arguments of a batch that took half of the worker's time (docs/decisions/0013).
 */
export class ScriptCall extends Command {
  readonly #bytes: Buffer;

  constructor(
    name: 'EVALSHA' | 'EVALSHA_RO',
    sha: string,
    keys: readonly Argument[],
    args: readonly Argument[],
  ) {
    super(name, [], { replyEncoding: null });
    this.#bytes = encode([name, sha, String(keys.length)], keys, args);
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/**
 * Encodes a command in RESP: `*<count>`, then `$<length>` and the bytes of each part. All text between two Buffers is
 * joined and written at once, because one call into the runtime costs more than the bytes. Writing a text byte by byte
 * costs four times as much.
 */
function encode(...lists: readonly (readonly Argument[])[]): Buffer {
  const pieces: Argument[] = [];
  let size = 0;
  let text = `*${lists.reduce((count, list) => count + list.length, 0)}\r\n`;
  for (const list of lists)
    for (const part of list) {
      if (typeof part === 'string') text += `${head(part.length)}${part}\r\n`;
      else {
        text += head(part.byteLength);
        pieces.push(text, part);
        size += text.length + part.byteLength;
        text = '\r\n';
      }
    }
  const bytes = Buffer.allocUnsafe(size + text.length);
  let at = 0;
  for (const piece of [...pieces, text]) {
    if (typeof piece === 'string') at += bytes.write(piece, at, 'latin1');
    else {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
  }
  return bytes;
}

const HEADS = Array.from({ length: 512 }, (_empty, length) => `$${length}\r\n`);

function head(length: number): string {
  return HEADS[length] ?? `$${length}\r\n`;
}
