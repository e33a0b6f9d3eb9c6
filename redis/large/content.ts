import { createHash, hash } from 'node:crypto';
import { byteString } from '../key-bytes.ts';
import type { Rebuild } from '../typed/rebuild.ts';

const MODULUS = 2 ** 48;

/** Content of a state (8 bytes as byte string), fed with the pieces of a walk. */
export type Content = { add(piece: Rebuild): void; digest(): string };

/**
 * Sets and hashes: the sum of redis/scripts/prelude.lua, which knows no order, so that a key that grows large or
 * small keeps its state. Other types: a digest over their elements, wherever the pieces end.
 */
export function contentOf(type: string): Content {
  return type === 'set' || type === 'hash' ? unordered() : ordered(type);
}

function ordered(type: string): Content {
  const sha = createHash('sha256').update(type);
  return {
    add({ words, args, content = args }) {
      for (const part of content) {
        // A string is one element, in however many pieces.
        if (words[0] !== 'APPEND') sha.update(`${part.length}:`);
        sha.update(part);
      }
    },
    digest: () => byteString(sha.digest().subarray(0, 8)),
  };
}

function unordered(): Content {
  let [count, sum] = [0, 0];
  let fields: readonly Buffer[] = [];
  const plus = (weight: number) => {
    sum = (sum + weight + MODULUS) % MODULUS;
  };
  return {
    add({ words, args }) {
      if (words[0] === 'SADD') {
        for (const member of args as Buffer[]) plus(weightOf(member, NOTHING));
        count += args.length;
      } else if (words[0] === 'HSET') {
        fields = args as Buffer[];
        for (let i = 0; i + 1 < fields.length; i += 2)
          plus(weightOf(fields[i] as Buffer, fields[i + 1] as Buffer));
        count += fields.length;
      } else {
        // HPEXPIREAT key ms FIELDS 1 field: comes right behind the piece that the field is in.
        const [ms = '', , , field] = args as [string, string, string, Buffer];
        const value = fields[fields.findIndex((one, i) => i % 2 === 0 && one.equals(field)) + 1] as Buffer;
        plus(weightOf(field, Buffer.concat([value, Buffer.from(`@${ms}`)])) - weightOf(field, value));
      }
    },
    digest: () => packed(count, sum),
  };
}

const NOTHING = Buffer.alloc(0);
let scratch = Buffer.alloc(4_096);

/** 48 bits of the SHA-1 of `length:namevalue`. One buffer for all elements: a million new ones cost more than the sum. */
function weightOf(name: Buffer, value: Buffer): number {
  const most = 24 + name.length + value.length;
  if (scratch.length < most) scratch = Buffer.alloc(2 * most);
  const head = scratch.write(`${name.length}:`, 'latin1');
  name.copy(scratch, head);
  value.copy(scratch, head + name.length);
  const element = scratch.subarray(0, head + name.length + value.length);
  return hash('sha1', element, 'buffer').readUIntBE(0, 6);
}

/** `struct.pack('>I2I2I4', …)` of the script: count modulo 65 536, then the sum. */
function packed(count: number, sum: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(count % 65_536, 0);
  bytes.writeUIntBE(sum, 2, 6);
  return byteString(bytes);
}
