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
  const plus = (element: Buffer | string, by: number) => {
    sum = (sum + by * weightOf(element) + MODULUS) % MODULUS;
  };
  const values = new Map<string, Buffer>();
  return {
    add({ words, args }) {
      if (words[0] === 'SADD') {
        for (const member of args as Buffer[]) plus(element(member), 1);
        count += args.length;
      } else if (words[0] === 'HSET') {
        values.clear();
        for (let i = 0; i + 1 < args.length; i += 2) {
          const [field, value] = [args[i] as Buffer, args[i + 1] as Buffer];
          values.set(field.toString('latin1'), value);
          plus(element(field, value), 1);
        }
        count += args.length;
      } else {
        // HPEXPIREAT key ms FIELDS 1 field: comes right behind the piece that the field is in.
        const [ms = '', , , field] = args as [string, string, string, Buffer];
        const value = values.get(field.toString('latin1')) as Buffer;
        plus(element(field, value), -1);
        plus(element(field, value, `@${ms}`), 1);
      }
    },
    digest: () => packed(count, sum),
  };
}

function element(name: Buffer, value: Buffer | string = '', ttl = ''): Buffer {
  return Buffer.concat([Buffer.from(`${name.length}:`), name, Buffer.from(value), Buffer.from(ttl)]);
}

function weightOf(bytes: Buffer | string): number {
  return hash('sha1', bytes, 'buffer').readUIntBE(0, 6);
}

/** `struct.pack('>I2I2I4', …)` of the script: count modulo 65 536, then the sum. */
function packed(count: number, sum: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(count % 65_536, 0);
  bytes.writeUIntBE(sum, 2, 6);
  return byteString(bytes);
}
