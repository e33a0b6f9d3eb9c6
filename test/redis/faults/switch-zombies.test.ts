import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FencingToken } from '../../../domain/authority/fencing-token.ts';
import { otherSide, type Plan, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { openServing } from '../../../redis/cutover/open-side.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { fencingPurpose, takeSwitchLease } from '../../../redis/state/fencing-token.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import { eventually } from '../../support/eventually.ts';
import { FULL } from '../../lanes/proofs.ts';
import { SWITCH_STEPS, type SwitchStep } from '../../support/faults/fault-points.ts';
import { startSwitchProcess, type SwitchProcess } from '../../support/processes/start-switch-process.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { nextToken } from '../../support/worlds/next-token.ts';

const BEFORE_FLIP = FULL ? (['ready', 'fence', 'drain', 'verify', 'flip'] as const) : (['flip'] as const);
/** There are nine steps, an odd number. So in the second round each step comes in the other direction. */
const ROUNDS: readonly SwitchStep[] = FULL ? [...SWITCH_STEPS, ...SWITCH_STEPS] : ['flip', 'records'];
const BUDGET_MS = 1_000;
/** How a switch ends that was fenced out: its connections are closed, and a flip may get no answer. */
const FENCED_OUT = /Connection is closed|SwitchLeaseLost|OwnershipUncertain|EPIPE|ECONNRESET/;

describe('a switch that is stopped for longer than its budget, and then goes on', () => {
  const world = withSyncWorld();
  const user = (side: Side) => `${side}-app`;
  const clientOf = (side: Side) => (side === 'source' ? world.v1.client : world.v2.client);
  const serverOf = (side: Side) => (side === 'source' ? world.v1.server : world.v2.server);
  const plan = planOf([dataset({ name: 'match' })], {
    stores: [
      {
        name: 'v1',
        side: 'source',
        url: '${SOURCE_V1}',
        appUsers: [user('source')],
        otherWriters: ['default'],
      },
      {
        name: 'v2',
        side: 'target',
        url: '${TARGET_V2}',
        appUsers: [user('target')],
        otherWriters: ['default'],
      },
    ],
  });
  const hasty: Plan = { ...plan, gates: { ...plan.gates, fenceBudgetMs: BUDGET_MS } };
  const order = (to: Side, token = nextToken()) => ({ environment: world.environment(), to, token });
  const move = (to: Side, token?: FencingToken) =>
    switchAuthority({ plan, ...order(to, token), report: () => undefined });

  async function app(side: Side): Promise<Redis> {
    const rule = ['reset', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous'];
    await clientOf(side).call('ACL', ['SETUSER', user(side), ...rule]);
    const url = serverOf(side).url({ user: user(side), password: 'secret' });
    const redis = new Redis(url, { protocol: 2, enableReadyCheck: false });
    onTestFinished(() => redis.disconnect());
    return redis;
  }

  /** All that a switch changes: the ACL rules and the authority records. */
  async function standing() {
    const rules = await Promise.all([world.v1, world.v2].map(({ client }) => client.call('ACL', ['LIST'])));
    return {
      rules,
      records: await Promise.all([world.v1, world.v2].map(({ client }) => readAuthority(client))),
    };
  }

  async function zombieAt(zombie: SwitchProcess, step: SwitchStep, to: Side, token = nextToken) {
    await zombie.reach(() => ({ plan: hasty, ...order(to, token()), trap: { step, signal: 'SIGSTOP' } }));
    const stopped = Date.now();
    await eventually('the end of its budget', () => Date.now() > stopped + BUDGET_MS);
  }

  test('at each step, cutover and rollback, while another one ends it: is fenced out and changes nothing (L1, L8)', async (context) => {
    const zombie = startSwitchProcess(context);
    const apps = { source: await app('source'), target: await app('target') };
    const sync = await world.start(plan);
    await sync.live();
    await comparedBefore(plan, world.v2.client);
    let to: Side = 'target';
    for (const step of ROUNDS) {
      const at = `${step} of the way to ${to}`;
      await zombieAt(zombie, step, to);
      await move(to);
      const after = await standing();
      expect(await zombie.goOn(), at).toMatch(FENCED_OUT);
      expect(await standing(), at).toEqual(after);
      expect(after.records[1]?.side, at).toBe(to);
      await apps[to].set('match:1', at);
      await expect(apps[otherSide(to)].set('match:1', 'late'), at).rejects.toThrow(/NOPERM/);
      to = otherSide(to);
    }
  });

  test('before the flip, while V1 is opened again: cannot flip any more (L1, L9)', async (context) => {
    const zombie = startSwitchProcess(context);
    const one = await app('source');
    await app('target');
    const sync = await world.start(plan);
    await sync.live();
    await comparedBefore(plan, world.v2.client);
    for (const step of BEFORE_FLIP) {
      await zombieAt(zombie, step, 'target');
      const mine = nextToken();
      const opened = await withStores(
        plan,
        world.environment(),
        fencingPurpose('test', mine),
        async (stores) => {
          await takeSwitchLease(stores, 'test', mine);
          return openServing(stores, plan);
        },
      );
      expect(opened, step).toBe('source');
      const after = await standing();
      expect(await zombie.goOn(), step).toMatch(FENCED_OUT);
      expect(await standing(), step).toEqual(after);
      await one.set('match:1', step);
    }
  });

  test.runIf(FULL)(
    'while a later attempt at the same step ends it, or the next step though it was tried less often: is fenced out (L1, L8)',
    async (context) => {
      const zombie = startSwitchProcess(context);
      await app('source');
      await app('target');
      const sync = await world.start(plan);
      await sync.live();
      await comparedBefore(plan, world.v2.client);
      let to: Side = 'target';
      for (const step of ['ready', 'flip'] as const)
        for (const next of ['attempt', 'step'] as const) {
          const at = `${step}, while the next ${next} ends it`;
          let first = nextToken();
          await zombieAt(zombie, step, to, () => (first = { ...nextToken(), attempt: 9 }));
          await move(to, next === 'attempt' ? { ...first, attempt: 10 } : nextToken());
          const after = await standing();
          expect(await zombie.goOn(), at).toMatch(FENCED_OUT);
          expect(await standing(), at).toEqual(after);
          expect(after.records[1]?.side, at).toBe(to);
          to = otherSide(to);
        }
    },
  );

  test('that wakes before it has opened a connection is refused, and ends nobody else’s', async () => {
    await app('source');
    await app('target');
    const sync = await world.start(plan);
    await sync.live();
    await comparedBefore(plan, world.v2.client);
    const late = order('target');
    await move('target');
    const after = await standing();
    await expect(switchAuthority({ plan, ...late, report: () => undefined })).rejects.toMatchObject({
      name: 'SwitchLeaseLost',
    });
    expect(await standing()).toEqual(after);
  });
});
