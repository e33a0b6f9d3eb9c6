import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Holder, readClaim } from '../../domain/authority/claim.ts';
import { CLAIM_KEY, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf } from '../../domain/plan/plan.ts';
import { AuthorityMoved, raiseRecords, readAuthority, writeAuthority } from '../../redis/state/authority.ts';
import { claimStores, proveClaim, releaseStores, type HolderState } from '../../redis/state/claim.ts';
import { claimLost } from '../../redis/state/claim-lost.ts';
import { clearTarget } from '../../redis/cleanup/clear-target.ts';
import { dropRecords } from '../../redis/cleanup/drop-records.ts';
import { loadScripts } from '../../redis/scripts/runner.ts';
import { openStores, type Stores } from '../../redis/client/stores.ts';
import { switchAuthority } from '../../redis/cutover/switch-authority.ts';
import { runSync } from '../../redis/replication/replicator.ts';
import { eventually } from '../support/eventually.ts';
import { withRedis } from '../support/servers/redis.ts';
import { dataset, planOf, withSyncWorld } from '../support/worlds/sync-world.ts';
import { nextToken } from '../support/worlds/next-token.ts';
import { withTempDir } from '../support/temp-dir.ts';

const world = withSyncWorld();
const stranger = withRedis();
const dir = withTempDir();
const plan = planOf([dataset({ name: 'match' })]);
const ME: Holder = { migration: plan.migration, run: 'run-1', namespace: 'default', cluster: 'temporal-1' };

async function opened(environment = world.environment()): Promise<Stores> {
  const stores = await openStores(plan, environment, 'test');
  onTestFinished(() => stores.close());
  return stores;
}

const claim = async (holder: Holder, state: HolderState = 'unknown', takeOver?: string) =>
  claimStores(await opened(), plan, { holder, runState: async () => state, takeOver });
const tokenOn = async () => readClaim((await world.v1.client.get(CLAIM_KEY)) ?? '')?.token ?? '';

describe('a claim (L15)', () => {
  it('stands on every store, with its name, run, namespace and Temporal; taken twice it is the same', async () => {
    expect(await claim(ME)).toEqual({ side: 'source', epoch: 1 });
    const first = await world.v2.client.get(CLAIM_KEY);
    expect(readClaim(first ?? '')).toMatchObject({ ...ME, store: 'v2', side: 'target' });
    await claim(ME);
    expect(await world.v2.client.get(CLAIM_KEY)).toBe(first);
  });

  it('of a run that has ended is taken over; of one that runs, or that nobody knows, it is not', async () => {
    await claim({ ...ME, run: 'run-0' });
    await expect(claim(ME, 'running')).rejects.toThrow(/held by the migration test, which is running/);
    await expect(claim(ME, 'unknown')).rejects.toThrow(/does not know: .*--take-over /);
    await claim(ME, 'closed');
    expect(readClaim((await world.v1.client.get(CLAIM_KEY)) ?? '')?.run).toBe('run-1');
  });

  it('of another Temporal is taken over by the word of an operator alone, who names it', async () => {
    await claim({ ...ME, cluster: 'temporal-2' });
    const text = await world.v1.client.get(CLAIM_KEY);
    await expect(claim(ME, 'closed')).rejects.toThrow(/of another Temporal \(namespace default\)/);
    await expect(claim(ME, 'closed', 'not-it')).rejects.toThrow(/another Temporal/);
    expect(await world.v1.client.get(CLAIM_KEY)).toBe(text);
    await claim(ME, 'closed', await tokenOn());
    await releaseStores(await opened(), { ...ME, cluster: 'temporal-2' });
    expect(readClaim((await world.v1.client.get(CLAIM_KEY)) ?? '')).toMatchObject(ME);
    await releaseStores(await opened(), ME);
    expect(await world.v1.client.exists(CLAIM_KEY)).toBe(0);
  });

  it('of two that come at once one is refused on each store', async () => {
    const both = await Promise.allSettled([claim(ME), claim({ ...ME, cluster: 'temporal-2' })]);
    const taken = both.filter(({ status }) => status === 'fulfilled').length;
    expect(taken).toBeLessThan(2);
  });

  it('of two stores in one database is refused', async () => {
    const one = world.v1.server.url();
    const stores = await opened({ SOURCE_V1: one, TARGET_V2: one });
    const claiming = { holder: ME, runState: async () => 'unknown' as const };
    await expect(claimStores(stores, plan, claiming)).rejects.toThrow(/stores v1 and v2 are one database/);
    await expect(claimStores(stores, plan, claiming)).rejects.toThrow(/stores v1 and v2 are one database/);
  });

  it.for([
    ['another holder’s', { ...ME, migration: 'other' }, /claimed by the migration other/],
    ['another run’s', { ...ME, run: 'run-0' }, /another run of this migration/],
    ['another Temporal’s', { ...ME, namespace: 'two' }, /a migration of another Temporal/],
  ] as const)('that is %s tells the store and what to correct', async ([_what, holder, sentence]) => {
    await claim(holder);
    const [v1] = (await opened()).of('source');
    if (!v1) throw new Error('a plan without a source');
    await expect(proveClaim(v1.redis, v1.store, ME)).rejects.toThrow(sentence);
    await expect(proveClaim(v1.redis, v1.store, ME)).rejects.toThrow(/Correct SOURCE_V1 of the worker/);
  });
});

describe('another server behind an address (L15)', () => {
  const elsewhere = (side: 'source' | 'target') => ({
    ...world.environment(),
    [side === 'source' ? 'SOURCE_V1' : 'TARGET_V2']: stranger.server.url(),
  });
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  /** A sync that ends after its third report. By then it has recorded what it knows of its servers. */
  const sync = (environment: ReturnType<typeof world.environment>) => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    let reports = 0;
    const report = () => void (++reports === 3 && stop.abort());
    return runSync({ plan, link, environment, holder: ME, report }, stop.signal);
  };

  it.for(['source', 'target'] as const)(
    'at the %s: neither sync nor switch writes a key there',
    async (side) => {
      await claim(ME);
      await world.v1.client.set('match:1', 'of V1');
      const environment = elsewhere(side);
      await expect(sync(environment)).rejects.toThrow(/holds no claim: it is another server/);
      const prove = (redis: Parameters<typeof proveClaim>[0], store: Parameters<typeof proveClaim>[1]) =>
        proveClaim(redis, store, ME);
      for (const to of ['target', 'source'] as const)
        await expect(
          switchAuthority({ plan, environment, to, token: nextToken(), report: () => undefined, prove }),
        ).rejects.toThrow(/holds no claim/);
      expect(await stranger.client.dbsize()).toBe(0);
      expect(await world.v2.client.exists('match:1')).toBe(0);
    },
  );

  it('that is a store of the same plan is named as such', async () => {
    await claim(ME);
    const environment = { SOURCE_V1: world.v2.server.url(), TARGET_V2: world.v2.server.url() };
    await expect(sync(environment)).rejects.toThrow(/store v1 is the one that was claimed as store v2/);
  });

  it('ours that was flushed under the sync is claimed anew by it; one that it never knew, by a decision', async () => {
    await claim(ME);
    await world.v1.client.set('match:1', 'of V1');
    await sync(world.environment());
    await world.v1.client.flushall();
    await sync(world.environment());
    expect(readClaim((await world.v1.client.get(CLAIM_KEY)) ?? '')).toMatchObject({ ...ME, store: 'v1' });

    await expect(sync(elsewhere('target'))).rejects.toThrow(/holds no claim/);
    const stores = await opened(elsewhere('target'));
    await expect(claimLost(stores, plan, ME, { side: 'source' })).rejects.toThrow(
      /Without a claim: v1 target/,
    );
    expect(await claimLost(stores, plan, ME, {})).toBe(true);
    expect(readClaim((await stranger.client.get(CLAIM_KEY)) ?? '')).toMatchObject({ ...ME, store: 'v2' });
    await stranger.client.flushall();
  });
});

it('a store that came back empty once the sync has ended is told who serves, as its apps ask (L1, L5)', async () => {
  const record = { side: 'target', epoch: 2 } as const;
  await claim(ME);
  for (const { client } of [world.v1, world.v2]) await writeAuthority(await loadScripts(client), record);
  await world.v1.client.flushall();
  const stores = await opened();
  expect(await claimLost(stores, plan, ME, {})).toBe(true);
  expect(await readAuthority(world.v1.client)).toBeNull();
  await raiseRecords(stores, plan);
  expect(await readAuthority(world.v1.client)).toEqual(record);
});

describe('an undo asks V2 who serves (L15)', () => {
  const known = { side: 'source', epoch: 1 } as const;

  it('a V2 that serves is neither cleared nor loses our keys, and no switch begins', async () => {
    await claim(ME);
    const { v1, v2, environment } = world;
    await v2.client.mset('match:1', 'of V2', 'jday:test:ledger:v1:0', 'x');
    for (const { client } of [v1, v2])
      await client.hset('jday:authority', 'authority', 'target', 'epoch', '2');
    const stores = await opened();
    await expect(clearTarget(plan, stores, known)).rejects.toThrow(AuthorityMoved);
    await expect(clearTarget(plan, stores)).rejects.toThrow(AuthorityMoved);
    await expect(dropRecords(plan, stores, false, known)).rejects.toThrow(/say resume --accept record/);
    const back = {
      plan,
      environment: environment(),
      to: 'source',
      token: nextToken(),
      report: () => undefined,
    } as const;
    await expect(switchAuthority({ ...back, known: { side: 'target', epoch: 4 } })).rejects.toThrow(
      AuthorityMoved,
    );
    expect(await v2.client.exists('match:1', 'jday:test:ledger:v1:0')).toBe(2);
  });

  it.for([true, false])(
    'stands still while the stores are given free and taken anew: it drops nothing of the new run when it wakes (ledger kept: %s) (L1)',
    async (keepLedger) => {
      await claim(ME);
      const { v1, v2 } = world;
      await v1.client.config('RESETSTAT');
      await v1.client.hset(keyspaceOf('test').journal('v1'), 'match:1', 'a loser');
      // The file of the journal is a FIFO, so the step waits there until this test reads it.
      const directory = join(dir.path, `held-${keepLedger}`);
      mkdirSync(directory);
      const file = join(directory, 'test-journal-v1-v1.jsonl');
      execFileSync('mkfifo', [file]);
      const held = { ...plan, backup: { ...plan.backup, directory } };
      const dropping = dropRecords(held, await opened(), keepLedger, known, ME);
      const dropped = expect(dropping).rejects.toThrow(/given free meanwhile/);
      await eventually('the step to read the journal', async () =>
        (await v1.client.info('commandstats')).includes('cmdstat_hscan'),
      );
      await releaseStores(await opened(), ME);
      await claim({ ...ME, run: 'run-2' }, 'closed');
      const entry = 's'.repeat(57) + '\0\0';
      await v1.client.hset('jday:test:ledger:v1:0', 'match:1', entry);
      await v2.client.set('jday:test:verify:v1', 'of the new run');
      await readFile(file);
      await dropped;
      expect(await v1.client.hget('jday:test:ledger:v1:0', 'match:1')).toBe(entry);
      expect(await v2.client.exists('jday:test:verify:v1')).toBe(1);
      expect(await v2.client.exists('jday:test:ledger:v1:0')).toBe(0);
    },
  );
});
