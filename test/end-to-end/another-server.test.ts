import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readClaim } from '../../domain/authority/claim.ts';
import { readAuthority } from '../../redis/state/authority.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { startTemporal, type TemporalServer } from '../../servers/temporal-server.ts';
import { eventually } from '../support/eventually.ts';
import { documentOn, type FollowingApp, startFollowingApp } from '../support/processes/following-app.ts';
import { ACL, OUR_PASSWORD } from '../support/servers/migration-users.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { monitor } from '../support/servers/monitor.ts';
import { connectTo } from '../support/servers/redis.ts';
import { shortPlan } from '../support/worlds/short-plan.ts';

const LONG = { withinMs: 180_000, everyMs: 200 };
const VARIABLES = [
  ['v1', 'SOURCE_V1'],
  ['v2', 'TARGET_V2'],
] as const;

describe('one set of stores, two Temporals, and a worker that reaches another server', () => {
  let override: Readonly<Record<string, string>> = {};
  const world = withMigrationWorld({ environment: () => override });
  let first: TemporalServer;
  let stranger: RedisServer;
  let there: Redis;
  let before: unknown;
  let app: FollowingApp;
  const plan = () => join(world.dir.path, 'plan.yaml');
  const start = (...words: string[]) => world.jday('start', '--plan', plan(), '--day', '1s', ...words);
  const claimOn = async (name: 'v1' | 'v2') => readClaim((await world.admin(name).get('jday:claim')) ?? '');
  const rulesOf = (redis: Redis) => redis.call('ACL', ['LIST']);
  const worker = async (variables: Readonly<Record<string, string>>) => {
    override = variables;
    await world.startWorker();
    override = {};
  };
  const untouched = async () => {
    expect(await there.dbsize()).toBe(1);
    expect(await there.get('match:1')).toBe('of somebody else');
    expect(await rulesOf(there)).toEqual(before);
  };
  const saysRed = (store: string) =>
    eventually(
      'a red gate that names the store',
      async () => {
        const { gates, outcome } = await world.progress();
        expect(outcome).toBeNull();
        const gate = gates.find(({ name }) => name === 'stores');
        return (
          gate?.verdict === 'red' && gate.reason.includes(`store ${store} holds no claim`) && gate.reason
        );
      },
      LONG,
    );

  beforeAll(async () => {
    first = await startTemporal({ dir: join(world.dir.path, 'first'), headless: true });
    stranger = await startRedis({ dir: join(world.dir.path, 'stranger'), acl: ACL });
    there = await connectTo(stranger.port, { password: OUR_PASSWORD });
    await there.set('match:1', 'of somebody else');
    before = await rulesOf(there);
    for (let i = 0; i < 200; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') }, 20);
    shortPlan(plan(), ['cutover']);
  });
  afterAll(async () => {
    await app.stop();
    there.disconnect();
    await stranger.stop();
    await first.stop();
  });

  test('a second Temporal with the same plan is refused, in a sentence that says what to do, and changes nothing (L1, L15)', async () => {
    const other = { TEMPORAL_ADDRESS: first.address };
    await worker(other);
    override = other;
    const started = await start();
    expect(started.code, started.stderr).toBe(0);
    override = {};
    await eventually('the claim', async () => (await claimOn('v2')) !== null, LONG);
    const held = await claimOn('v2');
    const refused = await start('--wait');
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(
      /held by the migration supersmartmatch of another Temporal \(namespace default\): end it there; .*--take-over [0-9a-f-]{36}/,
    );
    expect(refused.stderr).not.toMatch(/ at .*\.ts/);
    expect(await claimOn('v2')).toEqual(held);
    expect(await readAuthority(world.admin('v2'))).toEqual({ side: 'source', epoch: 1 });
  });

  test('once the first is gone for good, the second takes over by the word of an operator (L15)', async () => {
    await world.killWorker();
    await first.stop();
    const { token = '' } = (await claimOn('v2')) ?? {};
    expect((await start('--wait', '--take-over', 'another')).code).toBe(3);
    const taken = await start('--take-over', token);
    expect(taken.code, taken.stderr).toBe(0);
    await world.inPhase('approval');
    expect((await claimOn('v1'))?.token).not.toBe(token);
  });

  test.each(VARIABLES)(
    'a worker finds another server behind the address of %s: nothing is written or fenced there, gate and approval say so (L1, L7, L15)',
    async (store, variable) => {
      await world.killWorker();
      await worker({ [variable]: stranger.url({ user: 'default', password: OUR_PASSWORD }) });
      expect(await saysRed(store)).toContain(`Correct ${variable} of the worker`);
      const approved = await world.jday('approve', 'cutover', '--reason', 'now');
      expect(approved.code).toBe(3);
      expect(approved.stderr).toMatch(new RegExp(`stores .*${store} holds no claim|gates hold it back`));
      await untouched();
      expect(await readAuthority(world.admin('v2'))).toEqual({ side: 'source', epoch: 1 });
      await world.app('v1').set('match:1', '{"offers":[1]}');
    },
    400_000,
  );

  test('the worker dies in the cutover and the next ones find another server behind one address after the other: nothing is done there; with the right ones it completes (L1, L8, L15)', async () => {
    await world.killWorker();
    await world.startWorker();
    await eventually(
      'the question to be asked again',
      async () => (await world.progress()).waitingFor.what === 'approval',
      LONG,
    );
    const watched = await monitor(world.server('v1').port, OUR_PASSWORD);
    const approving = world.jday('approve', 'cutover', '--reason', 'now');
    await eventually(
      'the fence',
      () => watched.lines().some((line) => /"set" "jday:supersmartmatch:fence:app"/i.test(line)),
      { ...LONG, everyMs: 1 },
    );
    await world.killWorker();
    watched.stop();
    await approving;
    for (const [store, variable] of VARIABLES) {
      await worker({ [variable]: stranger.url({ user: 'default', password: OUR_PASSWORD }) });
      await eventually(
        'a question that names the store',
        async () => {
          const { waitingFor, outcome } = await world.progress();
          expect(outcome).toBeNull();
          return waitingFor.what === 'resume' && waitingFor.why.includes(`store ${store} holds no claim`);
        },
        LONG,
      );
      await untouched();
      await world.killWorker();
    }
    await world.startWorker();
    expect(await world.handle().result()).toMatchObject({ outcome: 'completed', authority: 'target' });
    await eventually('writes on V2', () => app.counts.target > 0, LONG);
    await app.stop();
    for (const [key, n] of app.acknowledged)
      expect(await world.admin('v2').get(key)).toBe(documentOn('target', n));
    await untouched();
  });
});
