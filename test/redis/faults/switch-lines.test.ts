import { describe, expect, test, type TestContext, vi } from 'vitest';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { FULL } from '../../lanes/proofs.ts';
import { startFaultProxy, type Fault } from '../../support/faults/fault-proxy.ts';
import { type FaultName, SWITCH_STEPS } from '../../support/faults/fault-points.ts';
import { environmentOf } from '../../support/faults/fault-switch.ts';
import { named } from '../../support/faults/fault-walk.ts';
import { startSwitchProcess } from '../../support/processes/start-switch-process.ts';
import { BOTH_WAYS, makeSwitchWorld } from '../../support/faults/switch-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const FAULTS = {
  cut: () => ({ kind: 'cut' }),
  'black hole': () => ({ kind: 'black hole' }),
  // Requests to the side that is to serve are lost, and replies from the other side. With both directions each step
  // meets both kinds on both sides.
  'half open': (side, to) => ({ kind: 'half open', deaf: side === to ? 'server' : 'client' }),
  '1 byte/s': () => ({ kind: 'slow', bytesPerSecond: 1 }),
} as const satisfies Readonly<Partial<Record<FaultName, (side: Side, to: Side) => Fault>>>;

/** How a switch may end. `OwnershipUncertain`: it cannot know whether the flip happened. */
const ENDED = /Connection is closed|Command timed out|OwnershipUncertain|CutoverTooSlow/;
const STEPS = FULL ? SWITCH_STEPS : (['flip'] as const);
const REPLY_MS = 1_000;

// The tests mostly wait, so many can run at once.
vi.setConfig({ maxConcurrency: 10 });

describe('a switch of authority whose worker’s line to one side breaks', () => {
  const dir = withTempDir();
  const names = Object.keys(FAULTS) as (keyof typeof FAULTS)[];

  const all = names.flatMap((fault, i) =>
    BOTH_WAYS.filter((_side, j) => FULL || i % 2 === j).map((side) => ({ fault, side })),
  );

  test.concurrent.for(all)(
    '$fault to the $side, at each step of a cutover and of a rollback: the next one completes, no acknowledged write is lost, never two open sides (L1, L2, L8)',
    ({ fault, side }, context) => broken(FAULTS[fault], side, `${dir.path}/${fault}-${side}`, context),
  );
});

/**
 * The line stays broken until the next switch, which uses another line, is done. What the broken line has held may
 * arrive afterwards.
 */
async function broken(
  faultOn: (side: Side, to: Side) => Fault,
  side: Side,
  dir: string,
  context: TestContext,
): Promise<void> {
  const world = await makeSwitchWorld(dir, context);
  const { ports, orderOf, moved, watched, end } = world;
  const neverBoth = watched();
  const proxy = await startFaultProxy(ports[side]);
  context.onTestFinished(() => proxy.stop());
  const how = { through: environmentOf({ ...ports, [side]: proxy.port }), replyMs: REPLY_MS };
  const one = startSwitchProcess(context);
  for (const at of STEPS)
    for (const to of BOTH_WAYS)
      await named(`${at}, to the ${to}`, async () => {
        await one.reach(() => orderOf(to, at, 'SIGSTOP', how));
        proxy.set(faultOn(side, to));
        const ended = await one.goOn();
        await moved(to);
        proxy.set({ kind: 'none' });
        // The last step may not need the broken line. Then the switch completes.
        if (!(ended === null && at === 'open')) expect(ended).toMatch(ENDED);
        await expect(world.apps[otherSide(to)].set('match:late', at)).rejects.toThrow(/NOPERM/);
      });
  await end();
  await neverBoth();
}
