import { Context } from '@temporalio/activity';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sum } from '../domain/fresh.ts';
import { PENDING_LIMIT } from '../domain/judge.ts';
import { keyspaceOf } from '../domain/keyspace.ts';
import { type Link, linksOf } from '../domain/link.ts';
import type { Plan } from '../domain/plan.ts';
import type { Side } from '../domain/side.ts';
import type { LinkStatus, VerifyStatus } from '../domain/status.ts';
import { braked, RELEASED } from '../domain/brake.ts';
import { throttleOf } from '../domain/throttle.ts';
import { readAuthority } from '../redis/authority.ts';
import { nodesOf } from '../redis/cluster/routed-redis.ts';
import { type Control, readControl } from '../redis/control.ts';
import { readLinkStatus } from '../redis/read-link-status.ts';
import { type Stores, withStores } from '../redis/stores.ts';
import { together } from '../redis/together.ts';
import { agreedAbsent } from '../redis/verify/agreed-absent.ts';
import type { VerifyBounds } from '../redis/verify/pace.ts';
import { runVerifier } from '../redis/verify/run-verifier.ts';
import { verifyAll } from '../redis/verify/verify-all.ts';
import { beating, untilCancelled } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { linkOf } from './link-of.ts';

/** What the verifier has to know of the running sync; read by itself, a second old at most. */
type Surroundings = {
  authority: Side;
  joined: readonly string[];
  behind: boolean;
  /** Copy or changes of the link have work that goes before verification (L14). */
  busy: boolean;
  control: Pick<Control, 'held' | 'throttle' | 'brake'>;
};

const ALONE: Surroundings = {
  authority: 'source',
  joined: [],
  behind: true,
  busy: false,
  control: { held: false, throttle: null, brake: RELEASED },
};

export function verifyActivity({ environment, record }: Dependencies) {
  return async ({ plan, link: name }: { plan: Plan; link: string }): Promise<void> => {
    const context = Context.current();
    context.heartbeat({ at: 'connects' });
    const link = linkOf(plan, name);
    const now: Surroundings = { ...ALONE };
    await untilCancelled((signal) =>
      withStores(plan, environment, `verify-${name}`, (stores) =>
        withStores(plan, environment, `verify-${name}-side`, async (side) => {
          const report = (status: VerifyStatus) => {
            record.verified(status);
            void side.target.redis
              .set(keyspaceOf(plan.migration).verify(name), JSON.stringify(status))
              .catch(() => undefined);
          };
          await together(signal, [
            (inner) => lookAround(plan, link, side, now, inner, () => context.heartbeat({ at: 'verifies' })),
            (inner) =>
              runVerifier(
                {
                  ...sweepOptions(plan, link, stores, side, now),
                  bounds: boundsOf(plan, link, stores, now),
                },
                inner,
                report,
              ),
          ]);
        }),
      ),
    );
  };
}

function sweepOptions(plan: Plan, link: Link, stores: Stores, side: Stores, now: Surroundings) {
  const keyspace = keyspaceOf(plan.migration);
  return {
    link,
    keyspace,
    source: stores.named(link.name).redis,
    target: stores.target.redis,
    authority: () => now.authority,
    joined: () => now.joined,
    behind: () => now.behind,
    agreedAbsentOnSource: agreedAbsent(link, keyspace, {
      source: side.named(link.name).redis,
      target: side.target.redis,
    }),
  };
}

/** Changes before copy before verification; a measured impact before all but the changes (L14). */
function boundsOf(plan: Plan, link: Link, stores: Stores, now: Surroundings): VerifyBounds {
  const bounds = () => braked(now.control.throttle ?? throttleOf(plan), now.control.brake);
  const lines = [stores.named(link.name).redis, stores.target.redis].flatMap((redis) => nodesOf(redis));
  return {
    keysPerSecond: () => bounds().verifyKeysPerSecond,
    bytesPerSecond: () => bounds().verifyBytesPerSecond,
    bytesRead: () => sum(lines.map(({ redis }) => (redis.stream as Socket | null)?.bytesRead ?? 0)),
    held: () => now.control.held,
    givesWay: () => now.busy || now.control.brake.share === 0,
  };
}

function isBusy({ state, pending }: LinkStatus): boolean {
  return state === 'scanning' || pending.toTarget + pending.toSource > PENDING_LIMIT;
}

/** A sync that is silent for this long is behind: differences are its backlog, not its faults. */
const SILENT_MS = 5_000;

async function lookAround(
  plan: Plan,
  link: Link,
  side: Stores,
  now: Surroundings,
  signal: AbortSignal,
  beat: () => void,
): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  while (!signal.aborted) {
    const target = side.target.redis;
    const status = await readLinkStatus(target, keyspace, link);
    now.authority = (await readAuthority(target))?.side ?? now.authority;
    now.control = await readControl(target, keyspace, link.name);
    now.busy = status !== null && isBusy(status);
    now.joined = status?.joined ?? [];
    now.behind =
      !status || status.at < Date.now() - SILENT_MS || status.state !== 'live' || status.breaker !== null;
    beat();
    // Short, because a hold for an impact window must be seen soon.
    await delay(100, undefined, { signal }).catch(() => undefined);
  }
}

/** One complete two-way check of every link. */
export function verifyAllActivity({ environment }: Dependencies) {
  return ({ plan }: { plan: Plan }): Promise<{ compared: number; diverged: number }> =>
    beating(async (tell, signal) =>
      withStores(plan, environment, 'verify-all', (stores) =>
        withStores(plan, environment, 'verify-all-side', async (side) => {
          const all = { compared: 0, diverged: 0 };
          const authority = (await readAuthority(side.target.redis))?.side ?? 'target';
          for (const link of linksOf(plan)) {
            tell(`verifies ${link.name}`);
            const now: Surroundings = { ...ALONE, authority, behind: false };
            const one = await verifyAll(sweepOptions(plan, link, stores, side, now), signal);
            all.compared += one.compared;
            all.diverged += one.diverged;
          }
          return all;
        }),
      ),
    );
}
