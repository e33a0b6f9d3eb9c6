import { beforeAll, describe, expect, it } from 'vitest';
import { ownedBy, resting } from '../../rehearsal/apps/ownership.ts';
import { checkStores } from '../../rehearsal/check/check.ts';
import { corrupt } from '../../rehearsal/perform.ts';
import { countOf, seedEntries } from '../../rehearsal/fill/data-set.ts';
import { withRedis } from '../support/servers/redis.ts';
import { fillBothSides, type Stores } from './migrated.ts';

const KEYS = 1_000;
const redis = withRedis();
const base = { seed: 5, now: Date.now() };
const entries = [...seedEntries(base, KEYS)];
let stores: Stores;

beforeAll(async () => {
  const open = (db: number) => redis.connect({ db });
  stores = { v1: await open(0), nexten: await open(1), v2: await open(2) };
  await fillBothSides(stores, entries);
});

describe('the damage that --corrupt does', () => {
  it('hits more than one key in twenty, each one that no app writes', () => {
    for (const family of ['session', 'candidate'] as const) {
      const written = (['v1', 'canary', 'contested'] as const).flatMap((owner) =>
        ownedBy(owner, family, KEYS),
      );
      expect(written.filter((index) => resting(family, KEYS).includes(index))).toEqual([]);
      expect(new Set(written).size).toBe(written.length);
      expect(Math.max(...resting(family, KEYS))).toBe(countOf(family, KEYS) - 1);
    }
    const damaged = resting('session', KEYS).length + resting('candidate', KEYS).length;
    expect(damaged / entries.length).toBeGreaterThan(0.05);
  });

  it('the check finds every damaged key on V2, and V1 whole', async () => {
    const damaged = await corrupt(stores.v2, base, KEYS);
    const shared = { stores, entries, records: [], syncedUntil: 0, journaled: () => false };
    const onV2 = await checkStores({ ...shared, outcome: 'completed' });
    expect(onV2.sections.flatMap(({ findings }) => findings)).toHaveLength(damaged);
    expect(onV2.lost).toBe(damaged);
    const onV1 = await checkStores({ ...shared, outcome: 'rolled-back' });
    expect(onV1.sections.flatMap(({ findings }) => findings)).toEqual([]);
  });
});
