import { Context } from '@temporalio/activity';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { speaks } from '../domain/gates/fresh.ts';
import { PENDING_LIMIT } from '../domain/gates/judge.ts';
import { keyspaceOf } from '../domain/keys/keyspace.ts';
import { type Link, linksOf, type Plan, type Side } from '../domain/plan/plan.ts';
import type { LinkStatus, Moments, VerifyStatus } from '../domain/gates/status.ts';
import { sum } from '../domain/gates/sum.ts';
import { braked, RELEASED } from '../domain/gates/brake.ts';
import { throttleOf } from '../domain/plan/throttle.ts';
import { readAuthority } from '../redis/state/authority.ts';
import { nodesOf } from '../redis/client/cluster-client.ts';
import { type Control, readControl } from '../redis/state/control.ts';
import { readLinkStatus } from '../redis/state/link-status.ts';
import type { Stores } from '../redis/client/stores.ts';
import { writeDated, readDated, timeAt } from '../redis/state/dated-record.ts';
import { runTogether } from '../redis/client/task-group.ts';
import { agreedAbsent } from '../redis/verify/classify.ts';
import { reportDifferences, runVerifier, verifyAll } from '../redis/verify/verifier.ts';
import type { VerifyBounds } from '../redis/verify/pace.ts';
import type { CensusLines } from '../redis/verify/session-census.ts';
import { beating, untilCancelled } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { type HeldInput, withHeldStores } from './held-stores.ts';
import { linkOf } from './link-of.ts';

/**
 * The facts of the running sync that the verifier needs. It reads them from the stores itself; they are at most a
 * second old.
 */
type Surroundings = {
  authority: Side;
  /** Names of the datasets that take part; `null` = unknown, or not all of them have joined. */
  covers: readonly string[] | null;
  repaired: number;
  /** The progress of the syncs when they last wrote their status. */
  moments: Moments;
  /** The sync is silent, still scans, or has an open circuit breaker: differences may be its backlog. */
  behind: boolean;
  /** The copy or the changes of the link have work that goes before the verification. */
  busy: boolean;
  control: Pick<Control, 'joins' | 'held' | 'throttle' | 'brake'>;
};

const ALONE: Surroundings = {
  authority: 'source',
  covers: null,
  repaired: 0,
  moments: {},
  behind: true,
  busy: false,
  control: { joins: 'sync', held: false, throttle: null, brake: RELEASED },
};

export function verifyActivity(dependencies: Dependencies) {
  const { record } = dependencies;
  return async (input: HeldInput & { link: string }): Promise<void> => {
    const { plan, link: name } = input;
    const context = Context.current();
    context.heartbeat({ at: 'connects' });
    const link = linkOf(plan, name);
    const now: Surroundings = { ...ALONE };
    await untilCancelled((signal) =>
      withHeldStores(dependencies, input, `verify-${name}`, (stores) =>
        withHeldStores(dependencies, input, `verify-${name}-side`, async (side) => {
          const told = keyspaceOf(plan.migration).verify(name);
          const report = (status: VerifyStatus, saidAtMs: number) => {
            record.verified(status);
            void writeDated(side.target.redis, told, status, saidAtMs).catch(() => undefined);
          };
          const before = await readDated<VerifyStatus>(side.target.redis, told);
          const options = {
            ...sweepOptions(plan, link, stores, side, now),
            before,
            clock: () => timeAt(side.target.redis, told),
            handOver: reportDifferences(link, keyspaceOf(plan.migration), side.target.redis),
            bounds: { ...boundsOf(plan, now), bytesRead: bytesReadOf(link, stores) },
          };
          await runTogether(signal, [
            (inner) => lookAround(plan, link, side, now, inner, () => context.heartbeat({ at: 'verifies' })),
            (inner) =>
              withCensusLines(dependencies, input, link, (census) =>
                runVerifier({ ...options, ...(census && { census }) }, inner, report),
              ),
          ]);
        }),
      ),
    );
  };
}

/** Opens the connections of the census of sessions, does the work, and closes them. `null` = the link has no sessions. */
async function withCensusLines(
  dependencies: Dependencies,
  input: HeldInput,
  link: Link,
  work: (lines: CensusLines | null) => Promise<void>,
): Promise<void> {
  if (!link.datasets.some(({ role }) => role === 'sessions')) return work(null);
  return withHeldStores(dependencies, input, `verify-${link.name}-census`, (stores) =>
    work({
      source: stores.named(link.name).redis,
      target: stores.target.redis,
      bytesRead: bytesReadOf(link, stores),
    }),
  );
}

function sweepOptions(plan: Plan, link: Link, stores: Stores, side: Stores, now: Surroundings) {
  const keyspace = keyspaceOf(plan.migration);
  return {
    link,
    keyspace,
    source: stores.named(link.name).redis,
    target: stores.target.redis,
    authority: () => now.authority,
    covers: () => now.covers,
    repaired: () => now.repaired,
    moments: () => now.moments,
    behind: () => now.behind,
    agreedAbsentOnSource: agreedAbsent(link, keyspace, {
      source: side.named(link.name).redis,
      target: side.target.redis,
    }),
  };
}

/**
 * The order of precedence: changes first, then the copy, then verification. A measured impact slows down all but the
 * changes.
 */
function boundsOf(plan: Plan, now: Surroundings): VerifyBounds {
  const bounds = () => braked(now.control.throttle ?? throttleOf(plan), now.control.brake);
  return {
    keysPerSecond: () => bounds().verifyKeysPerSecond,
    bytesPerSecond: () => bounds().verifyBytesPerSecond,
    held: () => now.control.held,
    givesWay: () => now.busy || now.control.brake.share === 0,
    share: () => now.control.brake.share,
  };
}

/** Returns the count of bytes that the connections of a link have read. */
function bytesReadOf(link: Link, stores: Stores): () => number {
  const lines = [stores.named(link.name).redis, stores.target.redis].flatMap((redis) => nodesOf(redis));
  return () => sum(lines.map(({ redis }) => (redis.stream as Socket | null)?.bytesRead ?? 0));
}

function isBusy({ state, pending }: LinkStatus): boolean {
  return state === 'scanning' || pending.toTarget + pending.toSource > PENDING_LIMIT;
}

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
    // While the sync is silent, differences are its backlog and not its errors.
    const live = status !== null && speaks(status);
    now.covers = live ? coveredOf(link, now.control, status) : null;
    now.repaired = status?.repaired ?? now.repaired;
    now.moments = status?.moments ?? {};
    now.behind = !live || status.state !== 'live' || status.breaker !== null;
    beat();
    // A short pause, because the verifier must see the hold of an impact window soon.
    await delay(100, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns the datasets that take part now; `null` = the sync has not scanned all of them yet */
function coveredOf(
  { datasets }: Link,
  { joins }: Pick<Control, 'joins'>,
  { joined }: LinkStatus,
): readonly string[] | null {
  const names = datasets.filter((one) => one.joins === 'sync' || joins === 'jday').map(({ name }) => name);
  return names.every((name) => joined.includes(name)) ? names : null;
}

/** Verifies every key of every link once, in both directions. */
export function verifyAllActivity(dependencies: Dependencies) {
  return (input: HeldInput): Promise<{ compared: number; diverged: number }> =>
    beating(async (tell, signal) =>
      withHeldStores(dependencies, input, 'verify-all', (stores) =>
        withHeldStores(dependencies, input, 'verify-all-side', async (side) => {
          const { plan } = input;
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
