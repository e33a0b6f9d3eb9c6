import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { NEEDED_COMMANDS } from '../../../redis/preflight/checks/rights.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { openServing } from '../../../redis/cutover/open-side.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { fencingPurpose, takeSwitchLease } from '../../../redis/state/fencing-token.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import { findTool } from '../../../servers/tools.ts';
import { claimed } from '../../support/worlds/claimed.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import { eventually } from '../../support/eventually.ts';
import { startOnceWriter } from '../../support/faults/fault-switch.ts';
import { SWITCH_STEPS, type SwitchStep } from '../../support/faults/fault-points.ts';
import { NARROW, OPEN_DOOR } from '../../support/worlds/fenced-world.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { type SyncProcess, startSyncProcess } from '../../support/processes/start-sync-process.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { nextToken } from '../../support/worlds/next-token.ts';

const USERS = [
  OPEN_DOOR,
  `user app on >secret ${NARROW}`,
  `user jday on >ours ~* &__redis__:invalidate -@all ${NEEDED_COMMANDS.map((one) => `+${one}`).join(' ')}`,
];
const store = { appUsers: ['app'], otherWriters: ['default'] };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', ...store },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', ...store },
  ],
});
const UNDER_THE_FENCE: readonly SwitchStep[] = ['drain', 'verify', 'flip'];
/** At these steps the fence does not stand yet, or it is raised and saved right afterwards. */
const BEFORE_IT: readonly SwitchStep[] = ['ready', 'fence'];

describe.each(['redis-server', 'valkey-server'] as const)(
  'the users of before the fence are loaded, on %s',
  (engine) => {
    const options = { acl: USERS, binary: findTool(engine) };
    const servers = { source: withRedis(options), target: withRedis(options) };
    const sides = () => ({ source: servers.source.client, target: servers.target.client });
    const clients: Redis[] = [];
    let sync: SyncProcess;
    let writer: ReturnType<typeof startOnceWriter>;

    const urlOf = (side: Side, login: string) => `redis://${login}@127.0.0.1:${servers[side].server.port}`;
    const appOn = (side: Side) => {
      const again = { protocol: 2, enableReadyCheck: false, retryStrategy: () => 20 } as const;
      const client = new Redis(urlOf(side, 'app:secret'), again);
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    };
    /** jday has an ACL user of its own, as the apps do: Redis 7.0 ends all connections of such users at `ACL LOAD`. */
    const environment = () => ({
      SOURCE_V1: urlOf('source', 'jday:ours'),
      TARGET_V2: urlOf('target', 'jday:ours'),
    });
    const load = async (side: Side) => {
      const { server, client } = servers[side];
      writeFileSync(join(server.dir, 'users.acl'), `${USERS.join('\n')}\n`);
      await client.call('ACL', ['LOAD']);
    };
    /** Opens the side that serves, as the workflow does after a failed attempt. */
    const openAgain = () => {
      const token = nextToken();
      return withStores(plan, environment(), fencingPurpose(plan.migration, token), async (stores) => {
        await takeSwitchLease(stores, plan.migration, token);
        return openServing(stores, plan);
      });
    };
    const keep = (serves: Side) =>
      withStores(plan, environment(), 'watch', (stores) => keepFence(plan, stores, serves));
    const move = (to: Side, at: SwitchStep | null) =>
      switchAuthority({
        plan,
        environment: environment(),
        to,
        token: nextToken(),
        report: (step) => (step === at ? load(otherSide(to)) : undefined),
      });
    const serving = async () => (await readAuthority(sides().target))?.side ?? 'source';

    beforeAll(async () => {
      await claimed(sides().source, sides().target);
      sync = await startSyncProcess({ kind: 'run', plan, environment: environment() });
      await sync.live();
      await comparedBefore(plan, sides().target);
      writer = startOnceWriter({ source: appOn('source'), target: appOn('target') }, sides());
      // Fences each side once.
      for (const to of ['target', 'source'] as const) await move(to, null);
    });
    afterAll(async () => {
      await writer.stop();
      for (const client of clients) client.disconnect();
      await sync.kill();
    });

    const steps = SWITCH_STEPS.filter((step) =>
      engine === 'redis-server' ? step === 'flip' : step === 'records',
    );
    test.each(allOrFew(SWITCH_STEPS, steps))(
      'at %s, cutover and rollback: it flips with no other side open, or it does not flip, and nothing is lost (L1, L2, L7)',
      async (step) => {
        for (const to of ['target', 'source'] as const) {
          const from = otherSide(to);
          const written = writer.acknowledged();
          await eventually('writes', () => writer.acknowledged() > written + 20);
          await sync.live();
          const ended = await move(to, step).then(
            () => true,
            () => false,
          );
          const moved = (await serving()) === to;
          if (!BEFORE_IT.includes(step)) expect(moved).toBe(!UNDER_THE_FENCE.includes(step));
          if (!ended && !moved) expect(await openAgain()).toBe(from);
          // Only a load after the flip leaves the old side open, until the next check of the fence.
          if (!moved || BEFORE_IT.includes(step))
            expect(await isOpen(sides()[moved ? from : to])).toBe(false);
          const serves = moved ? to : from;
          await keep(serves);
          expect(await isOpen(sides()[otherSide(serves)])).toBe(false);
          // The next attempt of the workflow completes a switch that has flipped, or flips.
          await eventually('the next attempt', async () => (await move(to, null)).to === to);
          expect([await isOpen(sides()[to]), await isOpen(sides()[from])]).toEqual([true, false]);
        }
        for (const side of ['source', 'target'] as const)
          await eventually(`everything on the ${side}`, async () => (await writer.lost(side)).length === 0);
      },
      60_000,
    );
  },
);

/** Whether the app could write a key of its own. */
async function isOpen(redis: Redis): Promise<boolean> {
  return String(await redis.call('ACL', ['DRYRUN', 'app', 'SET', 'match:x', 'v'])) === 'OK';
}
