import { type Keyspace, keyspaceOf } from '../domain/keyspace.ts';
import { linksOf } from '../domain/link.ts';
import type { Plan, Store } from '../domain/plan.ts';
import type { ImpactStatus } from '../domain/status.ts';
import { scaled } from '../domain/timeline.ts';
import { readAuthority } from '../redis/authority.ts';
import type { Environment } from '../redis/connection.ts';
import { writeControl } from '../redis/control.ts';
import { runImpact } from '../redis/impact/measure.ts';
import { openProbe } from '../redis/impact/probe.ts';
import { type Stores, withStores } from '../redis/stores.ts';
import { beating, untilCancelled } from './beating.ts';
import type { Dependencies } from './dependencies.ts';

/** A fifth of a second holds some 20 probes; six pairs give an interval of 95 %. */
const WINDOW_MS = 200;
const PAIRS = 6;
/** The verifier looks at the hold ten times a second. */
const SETTLE_MS = 120;
const EVERY_MS = 5 * 60_000;
/** A measurement holds our work for some two seconds; it must not be what we do most. */
const EVERY_FLOOR_MS = 20_000;
/** Response times of the apps begin at some ms; half a millisecond is 5 % of ten and is not felt (L14). */
const FLOOR_MS = 10;

export function measureImpactActivity({ environment, record }: Dependencies) {
  return ({ plan }: { plan: Plan }): Promise<void> =>
    beating((tell) =>
      untilCancelled((signal) =>
        withStores(plan, environment, 'impact', async (stores) => {
          const keyspace = keyspaceOf(plan.migration);
          const { target } = stores;
          let probing = await openAt(await servingStore(stores), environment, keyspace);
          const options = {
            probe: () => probing.probe(),
            hold: async (held: boolean) => {
              for (const link of linksOf(plan))
                await writeControl(target.redis, keyspace, link.name, { held });
              const serving = await servingStore(stores);
              if (serving.name === probing.store) return;
              await probing.close();
              probing = await openAt(serving, environment, keyspace);
            },
            windowMs: WINDOW_MS,
            pairs: PAIRS,
            floorMs: FLOOR_MS,
            settleMs: SETTLE_MS,
            everyMs: scaled(plan, EVERY_MS, EVERY_FLOOR_MS),
          };
          const report = (status: ImpactStatus) => {
            tell(`${status.percent.toFixed(1)} %`);
            record.impact(status);
            void target.redis.set(keyspace.impact(), JSON.stringify(status)).catch(() => undefined);
          };
          await runImpact(options, signal, report).finally(() => probing.close());
        }),
      ),
    );
}

/** What apps feel is felt where they are served: the probe follows the authority. */
async function servingStore(stores: Stores): Promise<Store> {
  const side = (await readAuthority(stores.target.redis))?.side ?? 'source';
  return (stores.of(side)[0] ?? stores.target).store;
}

async function openAt(store: Store, environment: Environment, keyspace: Keyspace) {
  return { store: store.name, ...openProbe(store, environment, keyspace.probe('impact')) };
}
