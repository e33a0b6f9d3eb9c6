import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { wholeOf } from '../../../domain/keys/shard.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { claimAnew } from '../../../redis/state/claim.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { fencingPurpose } from '../../../redis/state/fencing-token.ts';
import { keepFenceOf } from '../../../redis/fence/fence-keeper.ts';
import { eventually } from '../../support/eventually.ts';
import { NARROW } from '../../support/worlds/fenced-world.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const TOKEN = 3;
const HOLDER = { migration: 'test', run: 'run-1', namespace: 'test', cluster: 'temporal-1' };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
  ],
});
const [link] = linksOf(plan);
if (!link) throw new Error('a plan without a link');
const shard = wholeOf(link);
const keyspace = keyspaceOf(plan.migration);
const LEASE = keyspace.lease('v1');
const WATCH = `jday:${fencingPurpose(plan.migration, 'watch')}`;
const SOON = { withinMs: 6_000 };

const world = withSyncWorld();
/** Another server. V2's address leads to it for a while. */
const copy = withRedis();

const rule = () =>
  world.v1.client.call('ACL', ['SETUSER', 'app', 'reset', 'on', '>secret', ...NARROW.split(' ')]);
const mayWrite = async () =>
  String(await world.v1.client.call('ACL', ['DRYRUN', 'app', 'SET', 'match:1', 'v'])) === 'OK';
const fencedSoon = () => eventually('V1 to be fenced again', async () => !(await mayWrite()), SOON);

const undos: (() => Promise<void>)[] = [];
beforeEach(async () => {
  await rule();
  for (const { redis, store } of [
    { redis: world.v1.client, store: plan.stores[0] },
    { redis: world.v2.client, store: plan.stores[1] },
  ]) {
    if (!store) throw new Error('a plan without a store');
    await claimAnew({ redis, store }, HOLDER);
  }
  await withStores(plan, world.environment(), 'test', (stores) => {
    const one = stores.named('v1');
    return raiseFence(one, keyspace, null, copyStoreOf(stores, one));
  });
  for (const { client } of [world.v2, world.v1]) await serves(client);
  await world.v2.client.set(LEASE, TOKEN);
});
afterEach(async () => {
  for (const undo of undos.splice(0)) await undo();
  await copy.client.flushall();
});

async function serves(client: Redis): Promise<void> {
  await writeAuthority(await loadScripts(client), { side: 'target', epoch: 2 });
}

/** Ends the keeper's connections. The next ones then go to the server to which the address leads now. */
async function endLines(client: Redis): Promise<void> {
  const lines = String(await client.call('CLIENT', ['LIST'])).split('\n');
  for (const line of lines.filter((one) => one.includes(` name=${WATCH} `)))
    await client.call('CLIENT', ['KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] ?? '']);
}

function startKeeper() {
  const environment: { SOURCE_V1: string; TARGET_V2: string } = { ...world.environment() };
  const stop = new AbortController();
  const failures: string[] = [];
  const whys: string[] = [];
  let [looks, over] = [0, false];
  const told = (_renewals: readonly unknown[], failed?: unknown) => {
    looks++;
    if (failed !== undefined) failures.push(String(failed));
  };
  const keeping = {
    plan,
    shard,
    environment,
    holder: HOLDER,
    token: TOKEN,
    told,
    unable: (why: string) => void whys.push(why),
  };
  const done = keepFenceOf(keeping, stop.signal).then(() => void (over = true));
  undos.push(async () => {
    stop.abort();
    await done;
  });
  return {
    failures,
    whys,
    isOver: () => over,
    looked: () => eventually('a look', () => looks > 0, SOON),
    leadsTo: async (url: string, from: Redis) => {
      environment.TARGET_V2 = url;
      await endLines(from);
    },
  };
}

describe("V2's address leads to another server for a while", () => {
  test.each([
    [
      'of another run, with a greater lease',
      async () => {
        await claimOf('run-2');
        await copy.client.set(LEASE, TOKEN + 6);
      },
    ],
    ['of another run', () => claimOf('run-2')],
    ['that holds something else', () => copy.client.set('jday:claim', 'theirs')],
  ])('%s: the keeper says so, goes on, and fences V1 again afterwards (L1, L15)', async (_what, prepare) => {
    await serves(copy.client);
    await prepare();
    const keeper = startKeeper();
    await keeper.looked();
    await keeper.leadsTo(copy.server.url(), world.v2.client);
    await eventually(
      'the keeper to say so',
      () => keeper.isOver() || keeper.failures.some((one) => one.startsWith('WrongStore')),
      SOON,
    );
    await keeper.leadsTo(world.v2.server.url(), copy.client);
    await rule();
    await fencedSoon();
    expect(keeper.isOver()).toBe(false);
  });
});

describe('a keeper ends', () => {
  test.each([
    [
      'when a later attempt has the lease',
      () => world.v2.client.set(LEASE, TOKEN + 1),
      'a later attempt of the sync has the lease',
    ],
    ['when V2 was given free', () => world.v2.client.del('jday:claim'), 'V2 was given free'],
  ])('%s', async (_when, happens, why) => {
    const keeper = startKeeper();
    await keeper.looked();
    await happens();
    await eventually('its end', keeper.isOver, SOON);
    expect(keeper.failures).toEqual([]);
    expect(keeper.whys).toEqual([why]);
  });

  test('not when V2 has lost all its data', async () => {
    const keeper = startKeeper();
    await keeper.looked();
    const kept = await world.v2.client.hgetall(keyspace.fenced());
    await world.v2.client.flushall();
    await rule();
    await eventually('the keeper to say that it is blind', () => keeper.whys.length > 0, SOON);
    expect(keeper.whys[0]).toBe('V2 holds no claim and no record');
    // V2 gets its records back. Until then the keeper cannot know which side serves.
    await claimAnew(
      { redis: world.v2.client, store: plan.stores[1] as (typeof plan.stores)[number] },
      HOLDER,
    );
    if (Object.keys(kept).length > 0) await world.v2.client.hset(keyspace.fenced(), kept);
    await serves(world.v2.client);
    await fencedSoon();
    expect(keeper.isOver()).toBe(false);
  });
});

async function claimOf(run: string): Promise<void> {
  const store = plan.stores[1];
  if (!store) throw new Error('a plan without a target');
  await claimAnew({ redis: copy.client, store }, { ...HOLDER, run });
}
