import { expect, type TestContext } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Plan, Side } from '../../../domain/plan/plan.ts';
import { restoreAuthority, readAuthority } from '../../../redis/state/authority.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { fencingPurpose } from '../../../redis/state/fencing-token.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import { comparedBefore } from '../worlds/compared-before.ts';
import { eventually } from '../eventually.ts';
import { SWITCH_STEPS } from './fault-points.ts';
import { makeServers } from './fault-servers.ts';
import { appsOn, environmentOf, startOnceWriter, watchOldSide } from './fault-switch.ts';
import { startSyncProcess } from '../processes/start-sync-process.ts';
import { dataset, planOf } from '../worlds/sync-world.ts';
import { nextToken } from '../worlds/next-token.ts';

const USER = 'app';
export const SWITCH_PLAN = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [USER], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [USER], otherWriters: ['default'] },
  ],
});
/** The user as a line of the users file, which a server reads when it restarts. */
export const USER_LINE = `${USER} on >secret ~* &* +@all`;
const VERIFIED = keyspaceOf(SWITCH_PLAN.migration).verify('v1');
export const BOTH_WAYS = ['target', 'source'] as const;

/**
 * Starts two servers, a sync, and an app that writes where the authority is. V1 serves. V2 has served before and is
 * fenced.
 *
 * @param config settings of both servers
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
  await comparedBefore(SWITCH_PLAN, sides.target);
  const move = (to: Side) =>
    switchAuthority({ plan: SWITCH_PLAN, environment, to, token: nextToken(), report: () => undefined });
  for (const to of BOTH_WAYS)
    expect((await inTime(() => move(to))).steps.map(({ step }) => step)).toEqual([...SWITCH_STEPS]);
  const writer = startOnceWriter(apps, sides);
  context.onTestFinished(async () => void (await writer.stop().catch(() => undefined)));
  return {
    ...servers,
    apps,
    sync,
    move,
    /** Checks the fence and raises it again if it has fallen, as the watch of the workflow does with each look. */
    fencedAgain: () =>
      withStores(SWITCH_PLAN, environment, fencingPurpose(SWITCH_PLAN.migration, 'watch'), async (stores) => {
        const serves = await restoreAuthority(stores, SWITCH_PLAN);
        await keepFence(SWITCH_PLAN, stores, serves?.side ?? 'source');
      }),
    /** Ends the writes of the app. */
    rest: () => writer.stop(),
    /**
     * Returns the order for a switch in a process of its own. The process gives itself the signal when it reaches the
     * step.
     */
    orderOf: (
      to: Side,
      step: string,
      signal: 'SIGKILL' | 'SIGSTOP',
      { through = environment, ...how }: { through?: typeof environment; plan?: Plan; replyMs?: number } = {},
    ) => ({
      plan: SWITCH_PLAN,
      environment: through,
      to,
      token: nextToken(),
      trap: { step, signal },
      ...how,
    }),
    /** Makes a new switch, whatever the one before has left, and checks the result. */
    moved: async (to: Side) => {
      const { moments = {} } = sync.status() ?? {};
      await inTime(() => move(to));
      // Every write that is acknowledged by now was made before the fence, or on this side.
      expect(await writer.lost(to)).toEqual([]);
      // Write the status of a verifier with a clean pass. Without it each switch would re-read every key that was ever
      // replicated.
      await sides.target.set(VERIFIED, JSON.stringify({ clean: { from: moments }, pass: { keys: 1 } }));
      expect(await readAuthority(sides.target)).toMatchObject({ side: to });
    },
    /**
     * Checks all the time whether the side without the authority is open. The returned function ends the checks and
     * fails if the side was ever open.
     */
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
      // On a busy machine the app may have written little so far.
      await eventually('enough writes to lose', () => writer.acknowledged() > 100);
      await writer.stop();
      for (const side of BOTH_WAYS)
        await eventually(`everything on the ${side}`, async () => (await writer.lost(side)).length === 0);
    },
  };
}

/**
 * On a busy machine a switch may exceed the fence budget. Then the old side is open again, and the switch is tried once
 * more, as the workflow does.
 */
async function inTime<T>(move: () => Promise<T>, attempts = 5): Promise<T> {
  try {
    return await move();
  } catch (error) {
    if (attempts === 1 || !(error instanceof Error && error.name === 'CutoverTooSlow')) throw error;
    return inTime(move, attempts - 1);
  }
}
