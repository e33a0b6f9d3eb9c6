import type { Redis } from 'ioredis';
import { type KeyMap, makeKeyMap } from '../../../domain/keys/key-map.ts';
import type { Dataset } from '../../../domain/plan/plan.ts';
import { isDocument } from '../../../domain/transform/json-members.ts';
import { type Lens, type Lensed, lensOf, type Value } from '../../../domain/transform/lens.ts';
import { byteString, keyBytes } from '../../client/key-bytes.ts';
import { alert, type CheckFinding, green, type LinkUnderTest, red } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

const TARGET_SAMPLES = 200;
const TARGET_SCANS = 20;

/**
 * The same limit as in redis/scripts/prelude.lua, in bytes. One read of a larger value would block its server, and its
 * transform would block this process.
 */
const LARGE_BYTES = 131_072;

type Tally = {
  looked: number;
  failed: number;
  /** Values that were not read, because they are too large for one command. */
  large: number;
  readonly reasons: Set<string>;
  /** For each dataset: its sampled values, and how many of them hold no JSON for the transform. */
  readonly plain: Map<string, { looked: number; noJson: number }>;
};

export const TRANSFORMABLE_UP: NamedCheck = {
  name: 'transformable values',
  scope: 'link',
  looksAt:
    'a sample of live source values through the transform to V2’s form and back to the byte; how many hold no JSON',
  look: async (link, world) => {
    const { samples } = await world.inventory(link);
    const tally = emptyTally();
    for (const { dataset, key } of samples) {
      const lens = lensOf(dataset.transform);
      const value = lens && (await readValue(link.source.redis, keyBytes(key)));
      if (value === 'large') tally.large++;
      else if (lens && value) judge(tally, dataset, value, thereAndBack(lens, value));
    }
    return findingOf(tally);
  },
};

export const TRANSFORMABLE_DOWN: NamedCheck = {
  name: 'transformable values of V2',
  scope: 'link',
  looksAt:
    'a sample of values that V2 holds already, through the transform to the source’s form and back; how many hold no JSON',
  look: async (link) => {
    const tally = emptyTally();
    for await (const [dataset, key] of targetKeys(link)) {
      const lens = lensOf(dataset.transform);
      const value = lens && (await readValue(link.target.redis, key));
      if (value === 'large') tally.large++;
      else if (lens && value) judge(tally, dataset, value, backAndThere(lens, value));
    }
    return findingOf(tally);
  },
};

function thereAndBack(lens: Lens, value: Value): string | null {
  const up = lens.up(value);
  if (!up.ok) return up.reason;
  return returns(lens.down(up.value, up.spelling), value);
}

function backAndThere(lens: Lens, value: Value): string | null {
  const [canonical, down] = [lens.up(value), lens.down(value, '')];
  if (!canonical.ok) return canonical.reason;
  if (!down.ok) return down.reason;
  return returns(lens.up(down.value), canonical.value);
}

function returns(result: Lensed, value: Value): string | null {
  if (!result.ok) return result.reason;
  return same(result.value, value) ? null : 'a value does not come back as it was';
}

function emptyTally(): Tally {
  return { looked: 0, failed: 0, large: 0, reasons: new Set(), plain: new Map() };
}

function judge(tally: Tally, dataset: Dataset, value: Value, problem: string | null): void {
  tally.looked++;
  const plain = tally.plain.get(dataset.name) ?? { looked: 0, noJson: 0 };
  tally.plain.set(dataset.name, plain);
  plain.looked++;
  if (!holdsJson(value)) plain.noJson++;
  if (problem === null) return;
  tally.failed++;
  tally.reasons.add(problem);
}

/** Returns whether a value holds a JSON document that the transform can read. */
function holdsJson(value: Value): boolean {
  const texts = value.kind === 'string' ? [value.bytes] : value.fields.map(([, text]) => text);
  return texts.some(isDocument);
}

/**
 * Describes sampled values without JSON. They are copied byte for byte; the operator may know that they should be
 * JSON.
 */
function withoutJson(tally: Tally): string {
  const some = [...tally.plain].filter(([, { noJson }]) => noJson > 0);
  if (some.length === 0) return '';
  const each = some.map(([dataset, { looked, noJson }]) => `${noJson} of ${looked} of ${dataset}`);
  return `; without JSON, carried byte for byte: ${each.join(', ')}`;
}

function findingOf(tally: Tally): CheckFinding {
  const { looked, failed, large, reasons } = tally;
  const expected = 'every value there and back';
  const also = `${withoutJson(tally)}${large > 0 ? `; ${large} above 128 KiB, not looked at` : ''}`;
  if (failed === 0 && looked === 0 && large > 0)
    return alert(
      `none looked at${also}`,
      expected,
      'Look at some of these values yourself: nobody else does before they travel.',
    );
  if (failed === 0) return green(`${looked} sampled${also}`, expected);
  const why = [...reasons].slice(0, 3).join('; ');
  const found = `${failed} of ${looked} sampled cannot: ${why}${also}`;
  const remedy =
    'Repair these values, or exclude their keys; else they go to quarantine and hold the cutover.';
  return failed === looked ? red(found, expected, remedy) : alert(found, expected, remedy);
}

async function readValue(redis: Redis, key: Buffer): Promise<Value | 'large' | null> {
  const type = await redis.type(key);
  if (type !== 'string' && type !== 'hash') return null;
  if (((await redis.memory('USAGE', key)) ?? 0) > LARGE_BYTES) return 'large';
  if (type === 'string') {
    const bytes = await redis.getBuffer(key);
    return bytes && { kind: 'string', bytes };
  }
  const flat = (await redis.callBuffer('HGETALL', key)) as unknown as Buffer[];
  const fields: [Buffer, Buffer][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return { kind: 'hash', fields };
}

function same(one: Value, other: Value): boolean {
  return plain(one) === plain(other);
}

/** Returns a text that is the same for equal values. Fields of a hash have no order, so they are sorted. */
function plain(value: Value): string {
  if (value.kind === 'string') return byteString(Buffer.from(value.bytes));
  const fields = value.fields.map((pair) => pair.map((part) => Buffer.from(part).toString('hex')).join('='));
  return `hash ${fields.sort().join()}`;
}

/** Yields keys of V2 that would be copied to the source, from a few SCANs of each server: a sample, not all keys. */
async function* targetKeys({ datasets, target }: LinkUnderTest): AsyncGenerator<[Dataset, Buffer]> {
  const keys = makeKeyMap(datasets);
  for (const { redis } of target.servers)
    yield* someKeys(redis, keys, Math.ceil(TARGET_SAMPLES / target.servers.length));
}

async function* someKeys(redis: Redis, keys: KeyMap, most: number): AsyncGenerator<[Dataset, Buffer]> {
  let [cursor, found] = ['0', 0];
  for (let i = 0; i < TARGET_SCANS && found < most; i++) {
    const [next, batch] = await redis.scanBuffer(cursor, 'COUNT', 256);
    for (const key of batch) {
      const dataset = keys.owner('target', byteString(key));
      if (!dataset || found >= most) continue;
      found++;
      yield [dataset, key];
    }
    cursor = next.toString();
    if (cursor === '0') return;
  }
}
