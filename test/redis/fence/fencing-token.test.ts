import { MockActivityEnvironment } from '@temporalio/testing';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Dependencies } from '../../../activities/dependencies.ts';
import { createActivities } from '../../../activities/index.ts';
import { tokenText } from '../../../domain/authority/fencing-token.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { readAuthority, writeAuthority } from '../../../redis/state/authority.ts';
import { claimAnew } from '../../../redis/state/claim.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { nextFencingNumber } from '../../../redis/state/fencing-token.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import type { FencingInput, MigrationActivities } from '../../../workflows/activities.ts';
import { STORES_ALLOWED } from '../../support/plans/allowances.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import { nextToken } from '../../support/worlds/next-token.ts';
import { TOKEN_TEXTS } from '../../support/values/token-texts.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;
const PAUSE_MS = 600_000;
const APP = 'app';
const HOLDER = { run: 'run-1', namespace: 'test', cluster: 'temporal-1' } as const;

const world = withSyncWorld();
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [APP], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [APP], otherWriters: ['default'] },
  ],
});
const keyspace = keyspaceOf(plan.migration);
const LEASE = keyspace.switchLease();
const NUMBER = keyspace.fencingNumber();

type Step = 'cutover' | 'rollback' | 'unfence' | 'drainToSource';

/** The activities of the run that holds the stores, as Temporal would run them. */
function activities(attempt = 1, given = plan) {
  const environment = new MockActivityEnvironment({
    namespace: HOLDER.namespace,
    activityNamespace: HOLDER.namespace,
    attempt,
  });
  const port: MigrationActivities = createActivities({
    environment: world.environment(),
    record: { switched: () => undefined },
    cluster: async () => HOLDER.cluster,
    allowance: STORES_ALLOWED,
  } as unknown as Dependencies);
  const held = { plan: given, run: HOLDER.run };
  return {
    number: (after = 0) => environment.run(port.nextFencingNumber, { ...held, after }) as Promise<number>,
    do: (step: Step, fencingNumber: number) =>
      environment.run(port[step] as (input: FencingInput) => Promise<unknown>, {
        ...held,
        known: null,
        fencingNumber,
      }),
  };
}

/** Asks for a fencing number and runs the step with it, as the workflow does. */
async function inOrder(step: Step): Promise<number> {
  const number = await activities().number();
  await activities().do(step, number);
  return number;
}

/** Begins with claimed stores, a live sync and an app on each side. */
async function begin() {
  const apps = { source: await app('source'), target: await app('target') };
  const sync = await world.start(plan);
  await sync.live();
  for (const store of plan.stores)
    await claimAnew({ store, redis: clientOf(store.side) }, { migration: plan.migration, ...HOLDER });
  await comparedBefore(plan, world.v2.client);
  return apps;
}

const clientOf = (side: Side) => (side === 'source' ? world.v1.client : world.v2.client);

async function app(side: Side): Promise<Redis> {
  const rule = ['reset', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous'];
  await clientOf(side).call('ACL', ['SETUSER', APP, ...rule]);
  const server = side === 'source' ? world.v1.server : world.v2.server;
  const redis = new Redis(server.url({ user: APP, password: 'secret' }), {
    protocol: 2,
    enableReadyCheck: false,
  });
  onTestFinished(() => redis.disconnect());
  return redis;
}

const serving = async () => (await readAuthority(world.v2.client))?.side;
const numberOn = (after = 0) =>
  withStores(plan, world.environment(), 'test', (stores) => nextFencingNumber(stores, plan.migration, after));

describe('a lease that a clock has left which was ten years ahead', () => {
  test.each([
    ['V2', () => [world.v2.client]],
    ['every store', () => [world.v1.client, world.v2.client]],
  ] as const)('on %s: cutover, rollback and every undo go on at once (L1, L9)', async (_, stores) => {
    const ahead = Date.now() + TEN_YEARS_MS;
    const apps = await begin();
    for (const store of stores()) await store.set(LEASE, ahead);
    const numbers = [await inOrder('cutover')];
    expect(await serving()).toBe('target');
    await apps.target.set('match:1', 'of V2');
    await expect(apps.source.set('match:1', 'late')).rejects.toThrow(/NOPERM/);
    numbers.push(await inOrder('rollback'));
    expect(await serving()).toBe('source');
    numbers.push(await inOrder('drainToSource'), await inOrder('unfence'));
    await apps.source.set('match:1', 'of V1');
    expect(numbers).toEqual([ahead + 1, ahead + 2, ahead + 3, ahead + 4]);
  });

  test('that comes while the steps are ordered already holds up one of them, and not the next', async () => {
    await begin();
    const late = await activities().number();
    const ahead = Date.now() + TEN_YEARS_MS;
    await world.v2.client.set(LEASE, ahead);
    await expect(activities().do('unfence', late)).rejects.toMatchObject({ type: 'SwitchLeaseLost' });
    expect(await activities().number(late)).toBe(ahead + 1);
    await activities().do('unfence', ahead + 1);
  });
});

describe('attempts at one step, as Temporal counts them', () => {
  test('the later one is let in, the earlier one is refused when it wakes, and changes nothing (L1)', async () => {
    const apps = await begin();
    const number = await activities().number();
    await activities(2).do('unfence', number);
    await expect(activities(1).do('cutover', number)).rejects.toMatchObject({ type: 'SwitchLeaseLost' });
    expect(await serving()).toBe('source');
    await apps.source.set('match:1', 'open');
    await activities(10).do('unfence', number);
    await expect(activities(9).do('unfence', number)).rejects.toMatchObject({ type: 'SwitchLeaseLost' });
  });

  test('none of them, however often it was tried, comes before the next step (L1)', async () => {
    await begin();
    const cutover = await activities().number();
    await activities(2_000_000).do('unfence', cutover);
    await inOrder('unfence');
    await expect(activities(2_000_001).do('cutover', cutover)).rejects.toMatchObject({
      type: 'SwitchLeaseLost',
    });
    expect(await serving()).toBe('source');
  });
});

describe('V2 has lost the lease', () => {
  test('an attempt of before is refused by the copy on V1, and ends nobody (L1, L8)', async () => {
    await begin();
    const late = nextToken();
    const switched = (to: Side, token = nextToken()) =>
      switchAuthority({ plan, environment: world.environment(), to, token, report: () => undefined });
    await switched('target');
    await world.v2.client.del(LEASE, NUMBER);
    const before = await readAuthority(world.v2.client);
    await expect(switched('source', late)).rejects.toMatchObject({ name: 'SwitchLeaseLost' });
    expect(await readAuthority(world.v2.client)).toEqual(before);
    expect(await world.v2.client.exists(LEASE)).toBe(0);
    await switched('source');
  });

  test('after an un-fencing too; and the next number is greater than those of before (L1)', async () => {
    await begin();
    const late = await activities().number();
    const number = await inOrder('unfence');
    await world.v2.client.del(LEASE, NUMBER);
    await expect(activities().do('cutover', late)).rejects.toMatchObject({ type: 'SwitchLeaseLost' });
    expect(await serving()).toBe('source');
    expect(await inOrder('unfence')).toBe(number + 1);
  });

  test('and so has V1: whoever asks remembers what it was given last', async () => {
    await world.claim();
    expect(await numberOn()).toBe(1);
    await Promise.all([world.v1.client.flushall(), world.v2.client.flushall()]);
    expect(await numberOn(41)).toBe(42);
    expect(await numberOn()).toBe(43);
  });
});

describe('a number', () => {
  test('is given to one alone, however many ask at once', async () => {
    await world.claim();
    const numbers = await Promise.all(Array.from({ length: 20 }, () => numberOn()));
    expect(new Set(numbers).size).toBe(20);
  });

  test.each(TOKEN_TEXTS.filter(([, { number }]) => number === 0))(
    'is given where %j stands, which is none of ours',
    async (foreign) => {
      await world.v2.client.set(NUMBER, foreign);
      expect(await numberOn()).toBe(1);
    },
  );

  test('is refused, and not asked for without end, where the greatest one stands; an operator is told what to do', async () => {
    const greatest = '9'.repeat(15);
    await world.v2.client.set(NUMBER, greatest);
    await expect(numberOn()).rejects.toThrow(
      'a store holds the greatest fencing number that there is, which is none of ours: see "A fencing number that is too great" in docs/by-hand.md',
    );
    expect(await world.v2.client.get(NUMBER)).toBe(greatest);
    await world.v2.client.del(NUMBER);
    expect(await numberOn()).toBe(1);
  });

  test('is asked for without ending whoever holds the lease: a late asker refuses no step (L8)', async () => {
    await begin();
    const number = await activities().number();
    await activities().number();
    await activities().do('unfence', number);
  });

  test('is had, and V1 opened, while the writes of V1 are paused: the way back waits for no pause (L9)', async () => {
    const apps = await begin();
    await world.v1.client.call('CLIENT', ['PAUSE', PAUSE_MS, 'WRITE']);
    await inOrder('unfence');
    await apps.source.set('match:1', 'open');
    expect(await world.v1.client.get(LEASE)).toBe(await world.v2.client.get(LEASE));
  });
});

test('an un-fencing that finds V2 serving lifts the pause that was the whole fence of V1, and copies the lease there (L9)', async () => {
  const bare = { ...plan, stores: plan.stores.map((store) => ({ ...store, appUsers: [] })) };
  for (const store of bare.stores)
    await claimAnew({ store, redis: clientOf(store.side) }, { migration: plan.migration, ...HOLDER });
  await writeAuthority(await loadScripts(world.v2.client), { side: 'target', epoch: 2 });
  await world.v1.client.call('CLIENT', ['PAUSE', PAUSE_MS, 'WRITE']);
  onTestFinished(async () => void (await world.v1.client.call('CLIENT', ['UNPAUSE'])));
  await activities(1, bare).do('unfence', 1);
  expect(await world.v1.client.get(LEASE)).toBe('1-1');
});

test('the lease is raised by a greater number, or the same one and a later attempt; what is none of ours counts as none', async () => {
  const { client } = world.v2;
  const run = await loadScripts(client);
  const raised = async (held: string | null, token: string) => {
    await (held === null ? client.del(LEASE) : client.set(LEASE, held));
    const taken = Number(await run('raiseLease', [LEASE], [token])) === 1;
    expect(await client.get(LEASE)).toBe(taken ? token : held);
    return taken;
  };
  expect(await raised(null, '1-1')).toBe(true);
  expect(await raised('1790000000000', '1790000000000-0')).toBe(false);
  expect(await raised('1790000000000', '1790000000000-1')).toBe(true);
  expect(await raised('9-9', '10-1')).toBe(true);
  expect(await raised('10-1', '9-9')).toBe(false);
  expect(await raised('10-9', '10-10')).toBe(true);
  expect(await raised('10-10', '10-10')).toBe(false);
  expect(await raised('999999999999998-7', '999999999999999-1')).toBe(true);
  expect(await raised('999999999999999-1', '999999999999998-7')).toBe(false);
  for (const [text, { number, attempt }] of TOKEN_TEXTS) {
    const read = JSON.stringify(text);
    expect(await raised(text, tokenText({ number, attempt })), read).toBe(false);
    expect(await raised(text, tokenText({ number, attempt: attempt + 1 })), read).toBe(true);
  }
});
