import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WriteRecord } from '../../rehearsal/apps/record.ts';
import {
  type CheckInput,
  type CheckResult,
  checkStores,
  checkTable,
  isSound,
} from '../../rehearsal/check/check.ts';
import type { AppEntry } from '../../rehearsal/entry.ts';
import { native, seedEntries } from '../../rehearsal/fill/data-set.ts';
import { candidate, match, session } from '../../rehearsal/fill/v1.ts';
import { embeddingEntry } from '../../rehearsal/fill/nexten.ts';
import { withRedis } from '../support/servers/redis.ts';
import { empty, fillBothSides, nameOf, type Stores, write } from './migrated.ts';

const redis = withRedis();
const base = { seed: 7, now: Date.now() };
const entries = [...seedEntries(base, 300)];
let stores: Stores;
let records: WriteRecord[];

beforeAll(async () => {
  const open = (db: number) => redis.connect({ db });
  stores = { v1: await open(0), nexten: await open(1), v2: await open(2) };
});

beforeEach(async () => {
  for (const store of Object.values(stores)) await empty(store);
  await fillBothSides(stores, entries);
  records = [
    await write(stores, session(base, 0), {
      do: 'hset',
      fields: [
        ['seq', '1'],
        ['{{jobs}}', '[{"offer_id":"P"}]'],
      ],
    }),
    await write(stores, session(base, 0), { do: 'expire', lifeMs: 60_000 }),
    await write(stores, session(base, 1), { do: 'del' }),
    await write(stores, candidate(base, 2), {
      do: 'set',
      content: '{"{{job_id}}":1.0,"seq":4}',
      lifeMs: null,
    }),
    await write(
      stores,
      { home: 'nexten', key: 'metrics:live:requests:0', spelling: 'legacy' },
      { do: 'incr' },
      { app: 'nexten' },
    ),
  ];
});

const check = (change: Partial<CheckInput> = {}): Promise<CheckResult> =>
  checkStores({
    stores,
    entries,
    records,
    outcome: 'completed',
    syncedUntil: Date.now(),
    journaled: () => false,
    ...change,
  });

const found = (result: CheckResult) => result.sections.flatMap(({ findings }) => findings);
const whats = (result: CheckResult) => found(result).map(({ where, what }) => `${where}: ${what}`);
const onV2 = (entry: AppEntry) => nameOf('target', entry);
const atHome = (entry: AppEntry) => nameOf('source', entry);

describe('the check of the stores against the apps’ logs', () => {
  it('is content when both sides hold every key as the last write left it', async () => {
    const result = await check();
    expect(whats(result)).toEqual([]);
    expect(result).toMatchObject({ acknowledged: 5, accounted: 5, lost: 0 });
    expect(isSound(result)).toBe(true);
    expect(checkTable(result).at(-1)).toContain('every acknowledged write accounted for: 5 of 5 · lost 0');
  });

  it('L2: finds an acknowledged write that did not arrive on V2', async () => {
    records.push(
      await write(stores, session(base, 3), { do: 'hset', fields: [['seq', '9']] }, { carried: false }),
    );
    const result = await check();
    expect(whats(result)).toEqual(['V2: another value; holds write 0 of 1']);
    expect(result).toMatchObject({ acknowledged: 6, accounted: 5, lost: 1 });
    expect(isSound(result)).toBe(false);
  });

  it('L2: finds a write of V2 that did not come home to V1 after an abort', async () => {
    await clearV2();
    records.push(
      await write(
        stores,
        session(base, 3),
        { do: 'hset', fields: [['seq', '9']] },
        { app: 'canary', carried: false },
      ),
    );
    await stores.v2.del(onV2(session(base, 3)));
    const result = await check({ outcome: 'aborted' });
    expect(whats(result)).toEqual(['V1: another value; holds write 0 of 1']);
    expect(result.lost).toBe(1);
  });

  it('L2: finds a logout that was undone', async () => {
    await stores.v2.hset(onV2(session(base, 1)), 'seq', '0');
    expect(whats(await check())).toEqual(['V2: should be gone']);
  });

  it('L2: finds a counter that was counted twice', async () => {
    await stores.v2.incr('metrics:nexten:live:requests:0');
    const result = await check();
    expect(whats(result)).toEqual(['V2: another value']);
    expect(result).toMatchObject({ accounted: 4, lost: 1 });
  });

  it('finds a key at rest that is missing, and names it only by its hash (L12)', async () => {
    await stores.v2.del(onV2(match(base, 1)));
    const result = await check();
    expect(whats(result)).toEqual(['V2: missing']);
    expect(result).toMatchObject({ accounted: 5, lost: 1 });
    expect(JSON.stringify(result)).not.toContain(match(base, 1).key);
    expect(isSound(result)).toBe(false);
  });

  it('finds one changed byte of an embedding', async () => {
    await stores.v2.setrange(onV2(embeddingEntry(base, 5)), 17, Buffer.from([0x7f]).toString('latin1'));
    expect(whats(await check())).toEqual(['V2: another value']);
  });

  it('finds a number that was written anew: 1.0 is not 1', async () => {
    const key = onV2(match(base, 0));
    const text = (await stores.v2.get(key)) ?? '';
    await stores.v2.set(key, text.replace('"weight": 1.0', '"weight": 1'), 'KEEPTTL');
    expect(whats(await check())).toEqual(['V2: another value']);
  });

  it('finds a document that stands on V2 in V1’s form, and the reverse', async () => {
    await stores.v2.hset(onV2(session(base, 4)), 'offers', '[]');
    await stores.v1.hset(atHome(session(base, 6)), 'jobs', '[]');
    expect(whats(await check())).toEqual(['V2: another value', 'V1: another value']);
  });

  it('L4: finds an expiry that is one millisecond off, an immortal session, and an early death', async () => {
    const expireAt = session(base, 5).expiresAt ?? 0;
    await stores.v2.pexpireat(onV2(session(base, 5)), expireAt + 1);
    await stores.v2.persist(onV2(session(base, 6)));
    await stores.v2.pexpire(onV2(session(base, 7)), 1);
    await expect.poll(() => stores.v2.exists(onV2(session(base, 7)))).toBe(0);
    expect(whats(await check()).sort()).toEqual(['V2: another expiry', 'V2: another expiry', 'V2: missing']);
  });

  it('L4: a renewed expiry has to be the renewed one', async () => {
    await stores.v2.pexpireat(onV2(session(base, 0)), session(base, 0).expiresAt ?? 0);
    const result = await check();
    expect(whats(result)).toEqual(['V2: another expiry; holds write 1 of 2']);
    expect(result).toMatchObject({ accounted: 4, lost: 1 });
  });

  it('a session that ended by itself is no loss, and must not live on', async () => {
    const target = session(base, 8);
    records.push(await write(stores, target, { do: 'expire', lifeMs: 30 }));
    await expect.poll(() => stores.v2.exists(onV2(target))).toBe(0);
    expect(whats(await check())).toEqual([]);
    await stores.v2.hset(onV2(target), 'user_id', '1');
    expect(whats(await check())).toEqual(['V2: should be gone']);
  });

  it('L6: finds a touched key of V2’s own', async () => {
    await stores.v2.append(onV2(native(base, 0)), ' ');
    expect(whats(await check())).toEqual(['V2: another value']);
  });

  it('L6: finds keys that nobody wrote, and keys of ours left behind', async () => {
    await stores.v1.set('session:resurrected', '1');
    await stores.v2.set('jday:supersmartmatch:lease:v1', '1');
    await stores.v2.hset('jday:authority', { authority: 'target', epoch: '1' });
    await stores.v1.set('jday:supersmartmatch:fence:v1-app', 'the rule of a user who stays fenced');
    expect(whats(await check())).toEqual(['V1: written by nobody', 'V2: left behind']);
  });

  it('L6: finds a copy that an abort left on V2, but lets the canary’s own writes stay', async () => {
    await clearV2();
    records.push(
      await write(
        stores,
        { home: 'v1', key: 'candidate:canary:1', spelling: 'legacy' },
        { do: 'set', content: '{"{{jobs}}":[]}', lifeMs: null },
        { app: 'canary' },
      ),
    );
    expect(whats(await check({ outcome: 'aborted' }))).toEqual([]);
    await stores.v2.set(onV2(match(base, 1)), 'copy');
    expect(whats(await check({ outcome: 'aborted' }))).toEqual(['V2: should be gone']);
  });

  it('V1 may miss only what was written after the sync ended', async () => {
    const late = await write(
      stores,
      session(base, 3),
      { do: 'hset', fields: [['seq', '9']] },
      { app: 'canary', carried: false },
    );
    records.push(late);
    expect(whats(await check({ syncedUntil: late.sentAt - 1 }))).toEqual([]);
    expect(whats(await check({ syncedUntil: late.answeredAt }))).toEqual([
      'V1: another value; holds write 0 of 1',
    ]);
  });

  it('a write without an answer may have happened or not', async () => {
    const unknown = await write(stores, session(base, 3), { do: 'hset', fields: [['seq', '9']] });
    records.push({ ...unknown, fate: 'maybe' });
    expect(whats(await check())).toEqual([]);
    await fillBothSides(stores, [session(base, 3)]);
    expect(whats(await check())).toEqual([]);
    expect(await check()).toMatchObject({ acknowledged: 5 });
  });

  it('L7: nothing acknowledged proves nothing', async () => {
    for (const store of Object.values(stores)) await empty(store);
    await fillBothSides(stores, entries);
    const result = await check({ records: [] });
    expect(whats(result)).toEqual([]);
    expect(isSound(result)).toBe(false);
  });
});

async function clearV2(): Promise<void> {
  await empty(stores.v2);
  await fillBothSides(
    { ...stores, v1: stores.v2, nexten: stores.v2 },
    entries.filter(({ home }) => home === 'v2'),
  );
}
