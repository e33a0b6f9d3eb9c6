import { FAILURES } from '../../domain/failure.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { SwitchReport } from '../../domain/report.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { type AuthorityRecord, readAuthority, writeAuthority } from '../authority.ts';
import { decidingRecord, raiseCopies } from '../authority-copies.ts';
import { type Environment, REPLY_MS } from '../connection.ts';
import { writeControl } from '../control.ts';
import { readLinkStatus } from '../read-link-status.ts';
import { loadScripts, type RunScript } from '../scripts/index.ts';
import { openStores, type Stores } from '../stores.ts';
import { keepFence } from '../watch/keep-fence.ts';
import { drainLinks } from './drain-links.ts';
import { fenceIsProven, onMasters, raiseFence } from './fence.ts';
import { keeperOf } from './fence-records.ts';
import { flip, OwnershipUncertain } from './flip.ts';
import { assertInTime } from './in-time.ts';
import { openSide } from './open-side.ts';
import { serversShared } from './shared-servers.ts';
import { assertStanding, markServers } from './standing.ts';
import { fencingPurpose, takeSwitchLease } from './switch-lease.ts';
import { tellTraffic } from './traffic.ts';
import { verifyFenced } from './verify-fenced.ts';

/** The switch gave up before the flip: nothing has moved and the old authority is open again. */
export class SwitchTooSlow extends Error {
  override readonly name = FAILURES.CutoverTooSlow;
}

export type SwitchOptions = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly to: Side;
  /** See `takeSwitchLease`. */
  readonly token: number;
  /** Longest wait for an answer, ms: the fence budget, unless given. */
  readonly replyMs?: number;
  /** Called before each step with its name; the step waits for it. */
  readonly report: (step: string) => void | Promise<void>;
};

type Course = SwitchOptions & {
  readonly keyspace: Keyspace;
  readonly stores: Stores;
  /** On the target: loaded before apps wait. */
  readonly run: RunScript;
  readonly steps: { step: string; ms: number }[];
  readonly deadlineMs: number;
};

/**
 * Moves the authority: fence → prove → drain → verify under the fence → flip → tell traffic → open. Cutover and
 * rollback are this one function with the sides swapped; both cost O(lag), not O(data) (design §7).
 *
 * May run twice, and while an earlier run is still under way: that one is then over (`takeSwitchLease`). Run again
 * after the flip: where the target's record already names `to`, only what comes after the flip is done again (L8).
 *
 * @throws SwitchLeaseLost nothing was changed
 * @throws SwitchTooSlow before the flip; the old authority was opened again
 * @throws OwnershipUncertain
 */
export async function switchAuthority(options: SwitchOptions): Promise<SwitchReport> {
  // Who waits longer for one server than writes may be blocked opens the other one too late.
  const { plan, environment, to, token, replyMs = plan.gates.fenceBudgetMs } = options;
  const stores = await openStores(plan, environment, fencingPurpose(plan.migration, token), {
    commandTimeout: Math.min(REPLY_MS, replyMs),
  });
  try {
    await takeSwitchLease(stores, plan.migration, token);
    const before = await decidingRecord(stores, plan);
    if (!before) throw new SwitchTooSlow('no authority record on the target');
    const course: Course = {
      ...options,
      keyspace: keyspaceOf(plan.migration),
      stores,
      run: await loadScripts(stores.target.redis),
      steps: [],
      deadlineMs: Date.now() + plan.gates.fenceBudgetMs,
    };
    const began = performance.now();
    const verified = before.side === to ? 0 : await moveOrOpenAgain(course, before);
    const record = (await readAuthority(stores.target.redis)) ?? before;
    await finishForward(course, record);
    return {
      to,
      epoch: record.epoch,
      fencedMs: Math.round(performance.now() - began),
      steps: course.steps,
      verified,
      attempts: 1,
    };
  } finally {
    stores.close();
  }
}

/** Everything up to the flip. Whatever fails, the old authority is opened again before the failure goes on (L9). */
async function moveOrOpenAgain(course: Course, before: AuthorityRecord): Promise<number> {
  const { plan, keyspace, stores, to, token, deadlineMs } = course;
  try {
    await step(course, 'ready', async () => {
      await assertSyncsLive(course);
      await markServers(stores, keyspace, token);
    });
    await step(course, 'fence', () => fence(course));
    await step(course, 'drain', () => drain(course));
    const verified = await step(course, 'verify', () => verify(course));
    await step(course, 'flip', async () => {
      await assertStanding(stores, keyspace, otherSide(to), token);
      assertInTime(deadlineMs);
      await flip(stores.target.redis, course.run, { side: to, epoch: before.epoch + 1 });
    });
    return verified;
  } catch (error) {
    if (error instanceof OwnershipUncertain) throw error;
    await openSide(stores, plan, otherSide(to));
    // Nobody watches between the attempts of a rollback: a side that has restarted meanwhile is fenced again (L1).
    const kept = await keepFence(plan, stores, otherSide(to)).then(
      () => '',
      (also: unknown) => `; and the fence of the other side: ${messageOf(also)}`,
    );
    const last = course.steps.at(-1)?.step ?? 'ready';
    throw new SwitchTooSlow(`step ${last}: ${messageOf(error)}${kept}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'failed';
}

async function step<T>(course: Course, name: string, act: () => Promise<T>): Promise<T> {
  const began = performance.now();
  await course.report(name);
  const entry = { step: name, ms: 0 };
  course.steps.push(entry);
  try {
    return await act();
  } finally {
    entry.ms = Math.round(performance.now() - began);
  }
}

const FRESH_MS = 5_000;

async function assertSyncsLive({ plan, keyspace, stores }: Course): Promise<void> {
  for (const link of linksOf(plan)) {
    const status = await readLinkStatus(stores.target.redis, keyspace, link);
    if (!status || status.at < Date.now() - FRESH_MS) throw new Error(`the sync of ${link.name} is silent`);
    if (status.breaker)
      throw new Error(`the sync of ${link.name} holds absences back: ${status.breaker.reason}`);
  }
}

async function fence(course: Course): Promise<void> {
  const { plan, keyspace, stores, to, deadlineMs } = course;
  const from = otherSide(to);
  for (const one of stores.of(from)) {
    assertInTime(deadlineMs);
    const shared = await serversShared(one, stores);
    const pausable = !shared && !(from === 'target' && one.store.appUsers.length === 0);
    if (pausable && one.store.appUsers.length === 0) {
      // The pause is the whole fence: the sync must not write to this side until it is lifted.
      for (const link of linksOf(plan).filter((each) => each.source === one.store)) {
        await writeControl(stores.target.redis, keyspace, link.name, { paused: from });
      }
    }
    await raiseFence(one, keyspace, pausable ? plan.gates.fenceBudgetMs : null, keeperOf(stores, one));
    if (one.store.appUsers.length > 0 && !(await fenceIsProven(one, keyspace.probe('fence')))) {
      throw new Error(`the fence of ${one.store.name} is not proven: an app user can still write`);
    }
  }
}

/** A server that came back with less is known as such by the answer: neither side of a switch may be one (L5). */
async function drain({ plan, keyspace, stores, to, deadlineMs }: Course): Promise<void> {
  const { redis } = stores.target;
  const suspects = await drainLinks(redis, keyspace, linksOf(plan), otherSide(to), deadlineMs);
  if (suspects.length > 0) throw new Error(`absences are held back: the ${suspects.join(', ')} is suspect`);
}

/** Where nothing travels back, V2's changes are differences that stay: a rollback takes V1 as it is. */
async function verify({ plan, stores, to, deadlineMs }: Course): Promise<number> {
  if (plan.mode === 'forward' && to === 'source') return 0;
  return verifyFenced(plan, stores, deadlineMs);
}

/**
 * After the flip there is only forward. A pause is lifted first: the record of the old side could not be written
 * under it. Before it the nodes of V2 know who serves: what a pause has held back lands on V1, and travels as the
 * change of a side that has lost the authority (L1).
 */
async function finishForward(course: Course, record: AuthorityRecord): Promise<void> {
  const { stores, plan, to } = course;
  await step(course, 'unpause', async () => {
    await raiseCopies(stores.target.redis, plan, record);
    for (const { redis } of stores.of(otherSide(to))) await onMasters(redis, 'UNPAUSE');
    for (const link of linksOf(plan))
      await writeControl(stores.target.redis, course.keyspace, link.name, { paused: null });
  });
  await step(course, 'records', async () => {
    for (const { redis } of stores.of('source')) {
      await writeAuthority(await loadScripts(redis), record);
      await raiseCopies(redis, plan, record);
    }
  });
  const silent = await step(course, 'traffic', () => tellTraffic(plan.traffic, plan.migration, record));
  if (silent.length > 0) course.steps.push({ step: `traffic not confirmed: ${silent.join(', ')}`, ms: 0 });
  await step(course, 'open', () => openSide(stores, plan, to));
}
