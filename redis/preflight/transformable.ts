import type { Redis } from 'ioredis';
import { type KeyMap, makeKeyMap } from '../../domain/key-map.ts';
import type { Dataset } from '../../domain/plan.ts';
import { type Lens, lensOf, type Lensed, type Value } from '../../domain/transform/lens.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { alert, type Finding, green, red } from './finding.ts';
import type { LinkUnderTest } from './subject.ts';
import type { NamedCheck } from './world.ts';

const TARGET_SAMPLES = 200;
const TARGET_SCANS = 20;

type Tally = { looked: number; failed: number; readonly reasons: Set<string> };

export const TRANSFORMABLE_UP: NamedCheck = {
  name: 'transformable values',
  scope: 'link',
  looksAt: 'a sample of live source values through the transform to V2’s form and back to the byte',
  look: async (link, world) => {
    const { samples } = await world.inventory(link);
    const tally: Tally = { looked: 0, failed: 0, reasons: new Set() };
    for (const { dataset, key } of samples) {
      const lens = lensOf(dataset.transform);
      const value = lens && (await readValue(link.source.redis, keyBytes(key)));
      if (lens && value) judge(tally, thereAndBack(lens, value));
    }
    return findingOf(tally);
  },
};

export const TRANSFORMABLE_DOWN: NamedCheck = {
  name: 'transformable values of V2',
  scope: 'link',
  looksAt: 'a sample of values that V2 holds already, through the transform to the source’s form and back',
  look: async (link) => {
    const tally: Tally = { looked: 0, failed: 0, reasons: new Set() };
    for await (const [dataset, key] of targetKeys(link)) {
      const lens = lensOf(dataset.transform);
      const value = lens && (await readValue(link.target.redis, key));
      if (lens && value) judge(tally, backAndThere(lens, value));
    }
    return findingOf(tally);
  },
};

/** Whether both hold the same in V2's form; `null` = no transform applies, compare as they are. */
export async function sameInTargetForm(
  link: LinkUnderTest,
  dataset: Dataset,
  source: Buffer,
  target: Buffer,
): Promise<boolean | null> {
  const lens = lensOf(dataset.transform);
  if (!lens) return null;
  const [one, other] = await Promise.all([
    readValue(link.source.redis, source),
    readValue(link.target.redis, target),
  ]);
  if (!one || !other) return null;
  const [up, there] = [lens.up(one), lens.up(other)];
  return up.ok && there.ok && same(up.value, there.value);
}

function thereAndBack(lens: Lens, value: Value): string | null {
  const up = lens.up(value);
  if (!up.ok) return up.reason;
  return returns(lens.down(up.value, up.spelling), value);
}

function backAndThere(lens: Lens, value: Value): string | null {
  const [canonical, down] = [lens.up(value), lens.down(value, 0)];
  if (!canonical.ok) return canonical.reason;
  if (!down.ok) return down.reason;
  return returns(lens.up(down.value), canonical.value);
}

function returns(result: Lensed, value: Value): string | null {
  if (!result.ok) return result.reason;
  return same(result.value, value) ? null : 'a value does not come back as it was';
}

function judge(tally: Tally, problem: string | null): void {
  tally.looked++;
  if (problem === null) return;
  tally.failed++;
  tally.reasons.add(problem);
}

function findingOf({ looked, failed, reasons }: Tally): Finding {
  const expected = 'every value there and back';
  if (failed === 0) return green(`${looked} sampled`, expected);
  const found = `${failed} of ${looked} sampled cannot: ${[...reasons].slice(0, 3).join('; ')}`;
  const remedy =
    'Repair these values, or exclude their keys; else they go to quarantine and hold the cutover.';
  return failed === looked ? red(found, expected, remedy) : alert(found, expected, remedy);
}

async function readValue(redis: Redis, key: Buffer): Promise<Value | null> {
  const type = await redis.type(key);
  if (type === 'string') {
    const bytes = await redis.getBuffer(key);
    return bytes && { kind: 'string', bytes };
  }
  if (type !== 'hash') return null;
  const flat = (await redis.callBuffer('HGETALL', key)) as unknown as Buffer[];
  const fields: [Buffer, Buffer][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return { kind: 'hash', fields };
}

function same(one: Value, other: Value): boolean {
  return plain(one) === plain(other);
}

/** Fields of a hash have no order. */
function plain(value: Value): string {
  if (value.kind === 'string') return byteString(Buffer.from(value.bytes));
  const fields = value.fields.map((pair) => pair.map((part) => Buffer.from(part).toString('hex')).join('='));
  return `hash ${fields.sort().join()}`;
}

/** Keys of V2 that would travel down, from a few SCANs of each server: a look, not a count. */
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
