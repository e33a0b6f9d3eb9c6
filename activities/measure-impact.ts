import { type Keyspace, keyspaceOf } from '../domain/keys/keyspace.ts';
import { linksOf, type Plan, scaled } from '../domain/plan/plan.ts';
import type { ImpactStatus } from '../domain/gates/status.ts';
import { type Brake, isUndecided, nextBrake } from '../domain/gates/brake.ts';
import { isFreshImpact } from '../domain/gates/fresh.ts';
import { impactWords } from '../domain/gates/impact.ts';
import { readAuthority } from '../redis/state/authority.ts';
import { holdWork, readControl, writeControl } from '../redis/state/control.ts';
import { runImpact } from '../redis/impact/measure.ts';
import { openProbe } from '../redis/impact/probe.ts';
import { readLinkStatus } from '../redis/state/link-status.ts';
import type { Stores } from '../redis/client/stores.ts';
import { writeDated, timeAt } from '../redis/state/dated-record.ts';
import { beating, untilCancelled } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { type HeldInput, withHeldStores } from './held-stores.ts';

const EVERY_MS = 5 * 60_000;
const EVERY_FLOOR_MS = 20_000;
const MEASUREMENT = {
  /** Length of a window. A window of a fifth of a second holds some 20 probes. */
  windowMs: 200,
  /**
   * Pairs of windows. Of nine pairs the interval leaves out the lowest and the highest, so one stall decides nothing.
   * Of six or eight it is the whole range.
   */
  pairs: 9,
  /**
   * Differences are set against a response time of at least this. The apps' response times begin at some ms. Half a
   * millisecond is 5 % of ten, and no user feels it.
   */
  floorMs: 10,
  /** Pause until the held work really stands still. The verifier reads the hold ten times a second. */
  settleMs: 120,
};

/**
 * Measures how much slower the apps' stores answer because of our work, reports it, and slows our work down
 * accordingly.
 */
export function measureImpactActivity(dependencies: Dependencies) {
  const { environment, record } = dependencies;
  return (held: HeldInput): Promise<void> =>
    beating((tell) =>
      untilCancelled((signal) =>
        withHeldStores(dependencies, held, 'impact', async (stores) => {
          const { plan } = held;
          const limit = plan.gates.impactPercent;
          const keyspace = keyspaceOf(plan.migration);
          const target = stores.target.redis;
          const probing = await openProbe(plan.stores, environment, keyspace.probe('impact'));
          let felt = await begin(plan, stores, keyspace);
          const clock = () => timeAt(target, keyspace.impact());
          const report = async (status: ImpactStatus, saidAtMs: number) => {
            tell(impactWords(status, limit));
            await writeDated(target, keyspace.impact(), status, saidAtMs);
            // This process stood still after the measurement. The figure is too old to say how the apps feel now, so it
            // changes no brake.
            if (!isFreshImpact((await clock()) - saidAtMs)) return;
            record.impact(status, limit);
            const brake = nextBrake(felt.brake, status, limit);
            felt = await react(plan, stores, keyspace, brake);
          };
          const options = {
            clock,
            probe: async () =>
              new Map([...(await probing.probe())].filter(([name]) => felt.serving.has(name))),
            hold: (held: boolean) => holdWork(target, keyspace, held),
            ...MEASUREMENT,
            atOnce: () => isUndecided(felt.brake),
            everyMs: () => (felt.soon ? 0 : scaled(plan, EVERY_MS, EVERY_FLOOR_MS)),
          };
          try {
            await runImpact(options, signal, report);
          } finally {
            await probing.close();
          }
        }),
      ),
    );
}

type Felt = {
  readonly brake: Brake;
  /** Names of the stores that serve apps now. */
  readonly serving: ReadonlySet<string>;
  /** The next measurement starts as soon as possible, because a copy runs or the brake is on. */
  readonly soon: boolean;
};

/** Reads the brake from the stores, where the syncs read it too. So the brake survives the death of an attempt. */
async function begin(plan: Plan, stores: Stores, keyspace: Keyspace): Promise<Felt> {
  const [link] = linksOf(plan);
  if (!link) throw new Error('the plan has no link');
  const { brake } = await readControl(stores.target.redis, keyspace, link.name);
  return react(plan, stores, keyspace, brake);
}

async function react(plan: Plan, stores: Stores, keyspace: Keyspace, brake: Brake): Promise<Felt> {
  const target = stores.target.redis;
  const statuses = [];
  for (const link of linksOf(plan)) {
    await writeControl(target, keyspace, link.name, { brake });
    statuses.push(await readLinkStatus(target, keyspace, link));
  }
  const soon = brake.share < 1 || statuses.some((status) => status?.state !== 'live');
  return { brake, serving: await servingStores(stores), soon };
}

/**
 * Before the cutover all three stores serve apps. After the cutover only V2 does, even though the sources still answer.
 */
async function servingStores(stores: Stores): Promise<ReadonlySet<string>> {
  const side = (await readAuthority(stores.target.redis))?.side ?? 'source';
  const serving = side === 'source' ? stores.all : stores.of('target');
  return new Set(serving.map(({ store }) => store.name));
}
