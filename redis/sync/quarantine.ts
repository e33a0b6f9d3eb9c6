import { expireAtOf } from '../../domain/digest.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { owns, type Shard } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import type { Guarded } from './guarded.ts';
import type { Pair } from './pair.ts';
import type { SidePorts } from './side-port.ts';

/** As in redis/scripts/prelude.lua: a DUMP of more holds the server up. */
const MOST_BYTES = 131_072;

/**
 * Values that could not be transformed: raw bytes, expiry and reason, in a hash on the target whose fields are
 * source keys (L11), one for all shards of a link; each sees its own. They block the cutover and stop nobody else; a later change of the key that fits frees it.
 */
export class Quarantine {
  readonly #ports: SidePorts;
  readonly #guarded: Guarded;
  readonly #hash: string;
  readonly #keys: Set<string>;

  private constructor(ports: SidePorts, guarded: Guarded, hash: string, keys: Set<string>) {
    this.#ports = ports;
    this.#guarded = guarded;
    this.#hash = hash;
    this.#keys = keys;
  }

  static async open(
    ports: SidePorts,
    guarded: Guarded,
    keyspace: Keyspace,
    shard: Shard,
  ): Promise<Quarantine> {
    const hash = keyspace.quarantine(shard.link.name);
    const fields = (await ports.target.redis.hkeysBuffer(hash)).map(byteString);
    return new Quarantine(ports, guarded, hash, new Set(fields.filter((key) => owns(shard, key))));
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Keeps the value of `side` whole. The reason names no key and no value (L12). */
  async put(pair: Pair, side: Side, reason: string): Promise<void> {
    const { redis } = this.#ports[side];
    const name = keyBytes(pair.names[side]);
    // A large value stays where it is, and only there: nothing of ours is written over it.
    const inPlace = Number(await redis.memory('USAGE', name)) > MOST_BYTES;
    const raw = inPlace ? null : await redis.dumpBuffer(name);
    const head = JSON.stringify({
      side,
      dataset: pair.dataset.name,
      reason,
      ...(inPlace && { inPlace }),
      expireAt: expireAtOf(pair.states[side].digest),
    });
    const record = Buffer.concat([Buffer.from(`${head}\n`), raw ?? Buffer.alloc(0)]);
    await this.#guarded('HSET', this.#hash, keyBytes(pair.work.key), record);
    this.#keys.add(pair.work.key);
  }

  /** The key was carried or is gone: it needs no quarantine any more. */
  async settled(key: string): Promise<void> {
    if (!this.#keys.delete(key)) return;
    await this.#guarded('HDEL', this.#hash, keyBytes(key));
  }
}
