import { keyspaceOf } from '../domain/keyspace.ts';
import { linksOf } from '../domain/link.ts';
import type { Plan } from '../domain/plan.ts';
import type { ImpactStatus } from '../domain/status.ts';
import { scaled } from '../domain/timeline.ts';
import { readAuthority } from '../redis/authority.ts';
import { writeControl } from '../redis/control.ts';
import { runImpact } from '../redis/impact/measure.ts';
import { openProbe } from '../redis/impact/probe.ts';
import { withStores } from '../redis/stores.ts';
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
          const side = (await readAuthority(target.redis))?.side ?? 'source';
          const [serving] = stores.of(side);
          const { probe, close } = openProbe(
            (serving ?? target).store,
            environment,
            keyspace.probe('impact'),
          );
          const options = {
            probe,
            hold: async (held: boolean) => {
              for (const link of linksOf(plan))
                await writeControl(target.redis, keyspace, link.name, { held });
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
          await runImpact(options, signal, report).finally(close);
        }),
      ),
    );
}
