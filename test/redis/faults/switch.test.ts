import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import type { Side } from '../../../domain/side.ts';
import { readAuthority } from '../../../redis/authority.ts';
import { switchAuthority } from '../../../redis/switch/switch-authority.ts';
import { eventually } from '../../support/eventually.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { SWITCH_STEPS } from '../../support/fault-points.ts';
import { makeServers } from '../../support/fault-servers.ts';
import { appsOn, environmentOf, startOnceWriter, watchOldSide } from '../../support/fault-switch.ts';
import { named } from '../../support/fault-walk.ts';
import { startSwitchProcess, type SwitchProcess } from '../../support/start-switch-process.ts';
import { startSyncProcess } from '../../support/start-sync-process.ts';
import type { SwitchOrder } from '../../support/switch-process.ts';
import { dataset, planOf } from '../../support/sync-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const USER = 'app';
const PLAN = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [USER] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [USER] },
  ],
});
const BOTH_WAYS = ['target', 'source'] as const;
/** Of the flip it cannot know whether it happened. */
const CUT_OFF = /Connection is closed|OwnershipUncertain|CutoverTooSlow/;
const REST_MS = 20;
const SECONDS = 180;

describe('a switch of authority', () => {
  const dir = withTempDir();

  test(
    'whose worker is killed -9 at every step of a cutover and of a rollback: the next one completes, no acknowledged write is lost, never two open sides (L1, L2, L8)',
    async (context) => {
      const { start, moved, end } = await makeWorld(`${dir.path}/killed`, context);
      for (const at of SWITCH_STEPS)
        for (const to of BOTH_WAYS)
          await named(`${at}, to the ${to}`, async () => {
            const killed = start(to, { step: at, signal: 'SIGKILL' });
            await killed.trapped();
            await killed.exited();
            await moved(to);
          });
      await end();
    },
    SECONDS * 1_000,
  );

  test(
    'whose worker is cut off from V1 or V2 at every step of a cutover and of a rollback: the next one completes, no acknowledged write is lost, never two open sides (L1, L2, L8)',
    async (context) => {
      await Promise.all(BOTH_WAYS.map((side) => cutOff(side, `${dir.path}/cut-${side}`, context)));
    },
    SECONDS * 1_000,
  );
});

async function cutOff(side: Side, dir: string, context: TestContext): Promise<void> {
  const { ports, start, moved, end } = await makeWorld(dir, context);
  const proxy = await startFaultProxy(ports[side]);
  context.onTestFinished(() => proxy.stop());
  const through = environmentOf({ ...ports, [side]: proxy.port });
  for (const at of SWITCH_STEPS)
    for (const to of BOTH_WAYS)
      await named(`${at}, to the ${to}, cut off from the ${side}`, async () => {
        const cut = start(to, { step: at, signal: 'SIGSTOP' }, through);
        await cut.trapped();
        proxy.set({ kind: 'cut' });
        expect(await goOn(cut)).toMatch(CUT_OFF);
        proxy.set({ kind: 'none' });
        await moved(to);
        cut.signal('SIGKILL');
      });
  await end();
}

/** Told again and again: the first time may come before it has stopped itself. */
async function goOn(one: SwitchProcess): Promise<string | null> {
  let over = false;
  const ended = one.end().finally(() => {
    over = true;
  });
  while (!over) {
    one.signal('SIGCONT');
    await Promise.race([ended, delay(REST_MS)]);
  }
  return ended;
}

/** V1 serves, V2 has served before and is fenced; an app writes, somebody watches the side that does not serve. */
async function makeWorld(dir: string, context: TestContext) {
  const { sides, ports } = await makeServers('switch', dir, {}, context);
  const environment = environmentOf(ports);
  const sync = await startSyncProcess({ kind: 'run', plan: PLAN, environment });
  const apps = await appsOn(sides, ports, USER);
  context.onTestFinished(async () => {
    for (const app of Object.values(apps)) app.disconnect();
    await sync.kill();
  });
  await sync.live();
  let token = 0;
  const move = (to: Side) =>
    switchAuthority({ plan: PLAN, environment, to, token: ++token, report: () => undefined });
  for (const to of BOTH_WAYS)
    expect((await move(to)).steps.map(({ step }) => step)).toEqual([...SWITCH_STEPS]);
  const [writer, watching] = [startOnceWriter(apps, sides), watchOldSide(sides, USER)];
  context.onTestFinished(async () => void (await Promise.allSettled([writer.stop(), watching()])));
  return {
    ports,
    start: (to: Side, trap: NonNullable<SwitchOrder['trap']>, through = environment) =>
      startSwitchProcess({ plan: PLAN, environment: through, to, token: ++token, trap }),
    /** A new one does it, whatever the one before has left. */
    moved: async (to: Side) => {
      await move(to);
      // What was acknowledged by now was so before the fence, or on this side.
      expect(await writer.lost(to)).toEqual([]);
      expect(await readAuthority(sides.target)).toMatchObject({ side: to });
    },
    end: async () => {
      await writer.stop();
      const { looks, seen } = await watching();
      expect(seen).toEqual([]);
      expect(looks).toBeGreaterThan(100);
      expect(writer.acknowledged()).toBeGreaterThan(100);
      for (const side of BOTH_WAYS)
        await eventually(`everything on the ${side}`, async () => (await writer.lost(side)).length === 0);
    },
  };
}
