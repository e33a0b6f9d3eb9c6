import { describe, expect, test, type TestContext } from 'vitest';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { eventually } from '../../support/eventually.ts';
import { FULL } from '../../lanes/proofs.ts';
import type { SwitchStep } from '../../support/faults/fault-points.ts';
import { startSwitchProcess } from '../../support/processes/start-switch-process.ts';
import { makeSwitchWorld, SWITCH_PLAN } from '../../support/faults/switch-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const HASTY = { ...SWITCH_PLAN, gates: { ...SWITCH_PLAN.gates, fenceBudgetMs: 1_000 } };
/** Less than the 10 s for which other work waits for an answer. A switch must open V1 sooner than that. */
const SILENT_MS = 9_000;

type World = Awaited<ReturnType<typeof makeSwitchWorld>>;

describe('between the fence and the flip', () => {
  const dir = withTempDir();

  /** Stops a switch at the step, calls `strike` and lets the switch go on. Then the old side must serve as before. */
  async function refused(
    context: TestContext,
    { to, at }: { readonly to: Side; readonly at: SwitchStep },
    strike: (world: World) => Promise<unknown>,
  ): Promise<string | null> {
    const world = await makeSwitchWorld(`${dir.path}/${context.task.id}`, context);
    if (to === 'source') await world.moved('target');
    await world.rest();
    const before = await readAuthority(world.sides.target);
    const one = startSwitchProcess(context);
    await one.reach(() => world.orderOf(to, at, 'SIGSTOP'));
    await strike(world);
    const ended = await one.goOn();
    expect(await readAuthority(world.sides.target)).toEqual(before);
    expect(await world.apps[otherSide(to)].set('match:1', 'still served')).toBe('OK');
    return ended;
  }

  test.concurrent.for(FULL ? (['drain', 'verify', 'flip'] as const) : (['flip'] as const))(
    'V1 is flushed at %s of a rollback: V2 goes on serving (L2, L5)',
    async (at, context) => {
      const ended = await refused(context, { to: 'source', at }, ({ sides }) => sides.source.flushall());
      expect(ended).toMatch(at === 'flip' ? /v1 has lost data/ : /lost data|is suspect|did not drain|differ/);
    },
  );

  test.concurrent('somebody gives the app its rights back: it is seen, and V1 goes on serving (L1, L2)', async (context) => {
    const ended = await refused(context, { to: 'target', at: 'flip' }, ({ sides }) =>
      sides.source.call('ACL', ['SETUSER', 'app', '+@write']),
    );
    expect(ended).toMatch(/the fence of v1 does not stand/);
  });

  test.concurrent('a server is demoted to a replica: whoever was promoted has no fence, and V1 goes on serving (L1, L2)', async (context) => {
    const ended = await refused(context, { to: 'target', at: 'flip' }, async ({ sides }) => {
      await sides.source.config('SET', 'replica-read-only', 'no');
      await sides.source.replicaof('127.0.0.1', 1);
    });
    expect(ended).toMatch(/a server of v1 is no master/);
  });

  test.concurrent('V2 falls silent: V1 is opened within the time that the plan allows, not that of any answer (L9)', async (context) => {
    const world = await makeSwitchWorld(`${dir.path}/${context.task.id}`, context);
    await world.rest();
    const one = startSwitchProcess(context);
    await one.reach(() => world.orderOf('target', 'drain', 'SIGSTOP', { plan: HASTY }));
    await expect(world.apps.source.set('match:late', 'v')).rejects.toThrow(/NOPERM/);
    const from = performance.now();
    await world.sides.target.call('CLIENT', ['PAUSE', String(SILENT_MS), 'ALL']);
    const ended = one.goOn();
    const open = async () => (await world.apps.source.set('match:1', 'served again')) === 'OK';
    await eventually('V1 to be open', open, { withinMs: SILENT_MS });
    expect(performance.now() - from).toBeLessThan(SILENT_MS);
    expect(await ended).toMatch(/Command timed out/);
  });

  test.concurrent('the flip is not answered: it says that nobody can know, opens no side, and the next one completes (L1, L8)', async (context) => {
    const world = await makeSwitchWorld(`${dir.path}/${context.task.id}`, context);
    const neverBoth = world.watched();
    const one = startSwitchProcess(context);
    await one.reach(() => world.orderOf('target', 'flip', 'SIGSTOP', { replyMs: 1_000 }));
    // V2 still answers reads. It does not answer the flip, and no later request on the same connection.
    await world.sides.target.call('CLIENT', ['PAUSE', '60000', 'WRITE']);
    expect(await one.goOn()).toMatch(/^OwnershipUncertain: /);
    await expect(world.apps.source.set('match:late', 'v')).rejects.toThrow(/NOPERM/);
    await world.sides.target.call('CLIENT', ['UNPAUSE']);
    await eventually('the sync to be live', () => world.sync.live().then(() => true));
    await world.moved('target');
    await world.end();
    await neverBoth();
  });
});
