import { canonical } from './canonical-parts.ts';
import type { Present } from './typed-state.ts';

/** Letter of the type, then 8 bytes of expiry. */
const HEAD = 9;
const STRING = 's'.charCodeAt(0);
const TYPES: Readonly<Record<string, string>> = { s: 'string', h: 'hash', l: 'list', e: 'set', z: 'zset' };

/**
 * A state as redis/verify/whole-keys.lua packed it. Two that are the same bytes are equal, which is all that most keys
 * need; the parts are taken out of it when they are asked for.
 */
export class PackedState implements Present {
  readonly packed: Buffer;

  constructor(packed: Buffer) {
    this.packed = packed;
  }

  get type(): string {
    return TYPES[String.fromCharCode(this.packed[0] as number)] as string;
  }

  get expireAtMs(): number | null {
    const ms = this.packed.readInt32BE(1) * 2 ** 32 + this.packed.readUInt32BE(5);
    return ms < 0 ? null : ms;
  }

  get elements(): readonly Buffer[] {
    const content = this.packed.subarray(HEAD);
    return this.packed[0] === STRING ? [content] : elementsOf(content);
  }

  get parts(): readonly Buffer[] {
    return canonical(this.type, this.elements);
  }
}

/** An array of strings in MessagePack (its specification: fixarray, array 16, array 32 of fixstr, str 8, str 16, str 32). */
function elementsOf(bytes: Buffer): readonly Buffer[] {
  const first = bytes[0] as number;
  let at = first < 0xa0 ? 1 : first === 0xdc ? 3 : 5;
  const count = first < 0xa0 ? first - 0x90 : bytes.readUIntBE(1, at - 1);
  const elements = new Array<Buffer>(count);
  for (let i = 0; i < count; i++) {
    const head = bytes[at++] as number;
    const width = head < 0xc0 ? 0 : head === 0xd9 ? 1 : head === 0xda ? 2 : 4;
    const start = at + width;
    at = start + (width === 0 ? head - 0xa0 : bytes.readUIntBE(at, width));
    elements[i] = bytes.subarray(start, at);
  }
  return elements;
}
