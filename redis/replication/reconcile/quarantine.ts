import type { Redis } from 'ioredis';
import { expireAtOf } from '../../../domain/protocol/protocol.ts';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import { owns, type Shard } from '../../../domain/keys/shard.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { byteString, chunksOf, keyBytes } from '../../client/key-bytes.ts';
import { recordBytes } from '../../state/record-bytes.ts';
import type { FencedWrite } from '../store/lease.ts';
import type { KeyView } from './key-reader.ts';
import type { SidePorts } from '../store/store-port.ts';

/**
 * A value above this size, in bytes, is not dumped, because the DUMP would block the server too long. The same limit as
 * in redis/scripts/prelude.lua.
 */
const MOST_BYTES = 131_072;
/**
 * Above this a quarantine holds no more copies of values, only their names: its server is V2, whose apps need the memory.
 * The values stay in their places, and the sync writes nothing over them. Bytes, for each link.
 */
export const QUARANTINE_BYTES = 64 << 20;
/** Records that one answer holds. A record holds at most `MOST_BYTES`, so an answer stays within some megabytes. */
const RECORDS_AT_ONCE = 16;

/**
 * Values that could not be transformed, each with its raw bytes, its expiry and the reason, and the names of keys that
 * failed again and again. No such value is dropped. They stand in a hash on the target whose fields are source keys.
 * All shards of a link share the hash, and each shard sees only its own keys.
 *
 * A key in quarantine blocks the cutover and stops no other key. It leaves when a later change of it can travel.
 */
export class Quarantine {
  readonly #ports: SidePorts;
  readonly #guarded: FencedWrite;
  readonly #hash: string;
  readonly #keys: Set<string>;
  readonly #failed: Set<string>;
  readonly #mostBytes: number;
  #bytes = 0;

  private constructor(
    ports: SidePorts,
    guarded: FencedWrite,
    hash: string,
    keys: Set<string>,
    failed: Set<string>,
    mostBytes: number,
  ) {
    this.#ports = ports;
    this.#guarded = guarded;
    this.#hash = hash;
    this.#keys = keys;
    this.#failed = failed;
    this.#mostBytes = mostBytes;
  }

  /** Reads which keys of the shard are in quarantine. */
  static async open(
    ports: SidePorts,
    guarded: FencedWrite,
    keyspace: Keyspace,
    shard: Shard,
    mostBytes = QUARANTINE_BYTES,
  ): Promise<Quarantine> {
    const hash = keyspace.quarantine(shard.link.name);
    const { redis } = ports.target;
    const keys = (await redis.hkeysBuffer(hash)).map(byteString).filter((key) => owns(shard, key));
    const failed = await failedOf(redis, hash, keys);
    const quarantine = new Quarantine(ports, guarded, hash, new Set(keys), new Set(failed), mostBytes);
    await quarantine.measure();
    return quarantine;
  }

  /** The keys that are here because they failed again and again, without their value. */
  get failed(): readonly string[] {
    return [...this.#failed];
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Memory that the quarantine of the whole link takes, bytes: measured, plus what was put in since. */
  get bytes(): number {
    return this.#bytes;
  }

  get #isFull(): boolean {
    return this.#bytes > this.#mostBytes;
  }

  /** Asks the server how much memory the quarantine takes. */
  async measure(): Promise<void> {
    this.#bytes = await recordBytes(this.#ports.target.redis, this.#hash);
  }

  holds(key: string): boolean {
    return this.#keys.has(key);
  }

  /**
   * Keeps the whole value of `side`, or only its name where the value is large or the quarantine is full.
   *
   * @param reason names no key and no value: personal data stays in Redis and in the backups
   */
  async put(view: KeyView, side: Side, reason: string): Promise<void> {
    const { redis } = this.#ports[side];
    const name = keyBytes(view.names[side]);
    const isLarge = this.#isFull || Number(await redis.memory('USAGE', name)) > MOST_BYTES;
    const dump = isLarge ? null : await redis.dumpBuffer(name);
    // Many keys are put here at once, so the bytes count from the moment at which they are decided on. A value that is
    // not copied stays only in its place, and the sync writes nothing over it.
    const inPlace = isLarge || this.#isFull;
    const raw = inPlace ? null : dump;
    this.#bytes += raw?.length ?? 0;
    const head = JSON.stringify({
      side,
      dataset: view.dataset.name,
      reason,
      ...(inPlace && { inPlace }),
      // As text, because a number of JSON does not hold the largest expiries exactly.
      expireAt: expireAtOf(view.states[side].digest)?.toString() ?? null,
    });
    const record = Buffer.concat([Buffer.from(`${head}\n`), raw ?? Buffer.alloc(0)]);
    await this.#guarded('HSET', this.#hash, keyBytes(view.work.key), record);
    this.#keys.add(view.work.key);
    this.#failed.delete(view.work.key);
  }

  /**
   * Names a key that failed again and again. Its value stays where it is. A record that already holds a value of the
   * key is kept, because no such value may be dropped.
   *
   * @param reason names no key and no value: personal data stays in Redis and in the backups
   */
  async name(key: string, side: Side, dataset: string, reason: string): Promise<void> {
    const head = JSON.stringify({ side, dataset, reason, inPlace: true, failed: true });
    await this.#guarded('HSETNX', this.#hash, keyBytes(key), Buffer.from(`${head}\n`));
    if (!this.#keys.has(key)) this.#failed.add(key);
    this.#keys.add(key);
  }

  /** Both sides agree on the key. It leaves quarantine if it is here only because it failed. */
  async agreed(key: string): Promise<void> {
    if (this.#failed.has(key)) await this.settled(key);
  }

  /** The key was carried or is gone on both sides, so it leaves quarantine. */
  async settled(key: string): Promise<void> {
    this.#failed.delete(key);
    if (!this.#keys.delete(key)) return;
    await this.#guarded('HDEL', this.#hash, keyBytes(key));
  }
}

/** Those of the keys whose record says that they failed. Such a record holds no value. */
export async function failedOf(
  redis: Redis,
  hash: string,
  keys: readonly string[],
): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const some of chunksOf(keys, RECORDS_AT_ONCE)) {
    const records = await redis.hmgetBuffer(hash, ...some.map(keyBytes));
    failed.push(...some.filter((_key, i) => isFailed(records[i] ?? null)));
  }
  return failed;
}

function isFailed(record: Buffer | null): boolean {
  // A record without a head was not written by us.
  const [head = ''] = record?.toString('latin1').split('\n', 1) ?? [];
  return head.startsWith('{') && (JSON.parse(head) as { failed?: boolean }).failed === true;
}
