import { type Keyspace, keyspaceOf } from '../domain/keyspace.ts';
import { linksOf } from '../domain/link.ts';
import type { Plan } from '../domain/plan.ts';
import type { ImpactStatus } from '../domain/status.ts';
import { type Brake, isUndecided, nextBrake } from '../domain/brake.ts';
import { scaled } from '../domain/timeline.ts';
import { readAuthority } from '../redis/authority.ts';
import { holdWork, readControl, writeControl } from '../redis/control.ts';
import { runImpact } from '../redis/impact/measure.ts';
import { openProbe } from '../redis/impact/probe.ts';
import { readLinkStatus } from '../redis/read-link-status.ts';
import { type Stores, withStores } from '../redis/stores.ts';
import { beating, untilCancelled } from './beating.ts';
import type { Dependencies } from './dependencies.ts';

/** A fifth of a second holds some 20 probes; six pairs give an interval of 95 %. */
const WINDOW_MS = 200;
const PAIRS = 6;
/** The verifier looks at the hold ten times a second. */
const SETTLE_MS = 120;
const EVERY_MS = 5 * 60_000;
const EVERY_FLOOR_MS = 20_000;
/** Response times of the apps begin at some ms; half a millisecond is 5 % of ten and is not felt (L14). */
const FLOOR_MS = 10;

/** Measures what the apps feel, tells it, and slows our work down by it. */
export function measureImpactActivity({ environment, record }: Dependencies) {
  return ({ plan }: { plan: Plan }): Promise<void> =>
    beating((tell) =>
      untilCancelled((signal) =>
        withStores(plan, environment, 'impact', async (stores) => {
          const keyspace = keyspaceOf(plan.migration);
          const target = stores.target.redis;
          const probing = await openProbe(plan.stores, environment, keyspace.probe('impact'));
          let felt = await begin(plan, stores, keyspace);
          const report = async (status: ImpactStatus) => {
            tell(`${status.percent.toFixed(1)} %`);
            record.impact(status);
            await target.set(keyspace.impact(), JSON.stringify(status));
            felt = await react(
              plan,
              stores,
              keyspace,
              nextBrake(felt.brake, status, plan.gates.impactPercent),
            );
          };
          const options = {
            probe: async () =>
              new Map([...(await probing.probe())].filter(([name]) => felt.serving.has(name))),
            hold: (held: boolean) => holdWork(target, keyspace, held),
            windowMs: WINDOW_MS,
            pairs: PAIRS,
            floorMs: FLOOR_MS,
            settleMs: SETTLE_MS,
            atOnce: () => isUndecided(felt.brake),
            everyMs: () => (felt.soon ? 0 : scaled(plan, EVERY_MS, EVERY_FLOOR_MS)),
          };
          await runImpact(options, signal, report).finally(() => probing.close());
        }),
      ),
    );
}

type Felt = {
  readonly brake: Brake;
  /** Stores whose apps are served there now. */
  readonly serving: ReadonlySet<string>;
  /** Measured again as soon as may be: the copy runs, or the brake is on. */
  readonly soon: boolean;
};

/** The brake outlives the attempt: it stands where the syncs read it. */
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

/** Before the cutover apps are served by all three; after it by V2 alone, whatever the sources still answer. */
async function servingStores(stores: Stores): Promise<ReadonlySet<string>> {
  const side = (await readAuthority(stores.target.redis))?.side ?? 'source';
  const serving = side === 'source' ? stores.all : stores.of('target');
  return new Set(serving.map(({ store }) => store.name));
}
