import { Command } from 'ioredis';

/** Strings are byte strings: one char a byte. */
export type Argument = string | Buffer;

/**
 * A call of a loaded script, written into one buffer of the exact size. ioredis makes one or two small buffers of
 * each argument, which for the hundreds of a batch was half of the worker's time (docs/decisions/0010).
 */
export class ScriptCall extends Command {
  readonly #bytes: Buffer;

  constructor(name: 'EVALSHA' | 'EVALSHA_RO', args: readonly Argument[]) {
    super(name, [], { replyEncoding: null });
    this.#bytes = encode([name, ...args]);
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** RESP: `*<count>`, then `$<length>` and the bytes of each part. */
function encode(parts: readonly Argument[]): Buffer {
  let size = head('*', parts.length).length;
  for (const part of parts) size += head('$', part.length).length + part.length + 2;
  const bytes = Buffer.allocUnsafe(size);
  let at = put(bytes, head('*', parts.length), 0);
  for (const part of parts) {
    at = put(bytes, head('$', part.length), at);
    at = typeof part === 'string' ? put(bytes, part, at) : at + part.copy(bytes, at);
    bytes[at++] = 13;
    bytes[at++] = 10;
  }
  return bytes;
}

/** A short text costs less by hand than by a call into the runtime. */
const BY_HAND = 48;

function put(bytes: Buffer, text: string, at: number): number {
  if (text.length > BY_HAND) return at + bytes.write(text, at, 'latin1');
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}

const HEADS = Array.from({ length: 512 }, (_empty, length) => `$${length}\r\n`);

function head(kind: '*' | '$', length: number): string {
  return (kind === '$' && HEADS[length]) || `${kind}${length}\r\n`;
}
