import { expect, type TestContext } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { readAuthority } from '../../redis/authority.ts';
import { decidingRecord } from '../../redis/authority-copies.ts';
import { withStores } from '../../redis/stores.ts';
import { switchAuthority } from '../../redis/switch/switch-authority.ts';
import { fencingPurpose } from '../../redis/switch/switch-lease.ts';
import { keepFence } from '../../redis/watch/keep-fence.ts';
import { eventually } from './eventually.ts';
import { SWITCH_STEPS } from './fault-points.ts';
import { makeServers } from './fault-servers.ts';
import { appsOn, environmentOf, startOnceWriter, watchOldSide } from './fault-switch.ts';
import { startSyncProcess } from './start-sync-process.ts';
import { dataset, planOf } from './sync-world.ts';

const USER = 'app';
export const SWITCH_PLAN = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [USER] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [USER] },
  ],
});
/** The user as a file of users has it: what a server that restarts knows. */
export const USER_LINE = `${USER} on >secret ~* &* +@all`;
const VERIFIED = keyspaceOf(SWITCH_PLAN.migration).verify('v1');
export const BOTH_WAYS = ['target', 'source'] as const;

/**
 * Two servers, a sync, an app that writes where the authority is. V1 serves; V2 has served before and is fenced.
 *
 * @param config of both servers
 */
export async function makeSwitchWorld(
  dir: string,
  context: TestContext,
  config: Readonly<Record<string, string>> = {},
) {
  const servers = await makeServers('switch', dir, config, context);
  const { sides, ports } = servers;
  const environment = environmentOf(ports);
  const sync = await startSyncProcess({ kind: 'run', plan: SWITCH_PLAN, environment });
  const apps = await appsOn(sides, ports, USER);
  context.onTestFinished(async () => {
    for (const app of Object.values(apps)) app.disconnect();
    await sync.kill();
  });
  await sync.live();
  let token = 0;
  const move = (to: Side) =>
    switchAuthority({ plan: SWITCH_PLAN, environment, to, token: ++token, report: () => undefined });
  for (const to of BOTH_WAYS)
    expect((await move(to)).steps.map(({ step }) => step)).toEqual([...SWITCH_STEPS]);
  const writer = startOnceWriter(apps, sides);
  context.onTestFinished(async () => void (await writer.stop().catch(() => undefined)));
  return {
    ...servers,
    apps,
    sync,
    move,
    /** As the watch of a phase does, with each look (L1). */
    fencedAgain: () =>
      withStores(SWITCH_PLAN, environment, fencingPurpose(SWITCH_PLAN.migration, 'watch'), async (stores) => {
        const serves = await decidingRecord(stores, SWITCH_PLAN);
        await keepFence(SWITCH_PLAN, stores, serves?.side ?? 'source');
      }),
    /** The app writes no more. */
    rest: () => writer.stop(),
    /** For a process of its own, stopped or killed when it comes to the step. */
    orderOf: (
      to: Side,
      step: string,
      signal: 'SIGKILL' | 'SIGSTOP',
      { through = environment, ...how }: { through?: typeof environment; plan?: Plan; replyMs?: number } = {},
    ) => ({ plan: SWITCH_PLAN, environment: through, to, token: ++token, trap: { step, signal }, ...how }),
    /** A new one does it, whatever the one before has left. */
    moved: async (to: Side) => {
      const cleanSince = Date.now();
      await move(to);
      // What was acknowledged by now was so before the fence, or on this side.
      expect(await writer.lost(to)).toEqual([]);
      // As the verifier says it: else each switch reads again all that was ever carried.
      await sides.target.set(VERIFIED, JSON.stringify({ cleanSince }));
      expect(await readAuthority(sides.target)).toMatchObject({ side: to });
    },
    /** Looks all the time whether the side without the authority is open; at the end it must never have been (L1). */
    watched: () => {
      const watching = watchOldSide(sides, USER);
      context.onTestFinished(async () => void (await watching().catch(() => undefined)));
      return async () => {
        const { looks, seen } = await watching();
        expect(seen).toEqual([]);
        expect(looks).toBeGreaterThan(100);
      };
    },
    end: async () => {
      await writer.stop();
      expect(writer.acknowledged()).toBeGreaterThan(100);
      for (const side of BOTH_WAYS)
        await eventually(`everything on the ${side}`, async () => (await writer.lost(side)).length === 0);
    },
  };
}
