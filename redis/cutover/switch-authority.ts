import { FAILURES } from '../../domain/run/failure.ts';
import type { FencingToken } from '../../domain/authority/fencing-token.ts';
import { speaks } from '../../domain/gates/fresh.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, otherSide, type Plan, type Side } from '../../domain/plan/plan.ts';
import type { SwitchReport } from '../../domain/run/report.ts';
import type { AuthorityRecord } from '../../domain/authority/authority-record.ts';
import { assertKnown, raiseCopies, readAuthority, writeAuthority } from '../state/authority.ts';
import { type Environment, type IdentityProof, REPLY_MS } from '../client/connection.ts';
import { writeControl } from '../state/control.ts';
import { readLinkStatus } from '../state/link-status.ts';
import { loadScripts, type RunScript } from '../scripts/runner.ts';
import { openStores, type Stores } from '../client/stores.ts';
import { keepFence } from '../fence/keep-fence.ts';
import { assertEveryWriterKnown } from '../fence/strangers.ts';
import { drainLinks } from './request-drain.ts';
import { raiseFence } from '../fence/raise-fence.ts';
import { fenceIsProven } from '../fence/fence-proof.ts';
import { copyStoreOf } from '../fence/fence-records.ts';
import { assertPreconditionsHold, flip, markServers, OwnershipUncertain, serversShared } from './commit.ts';
import { assertInTime, verifyFenced } from './verify-under-fence.ts';
import { liftPause, openSide } from './open-side.ts';
import { copySwitchLease, fencingPurpose, takeSwitchLease } from '../state/fencing-token.ts';
import { tellTraffic } from './notify-traffic.ts';

/** The switch failed before the flip. The authority has not moved, and the old side is open again. */
export class CutoverTooSlow extends Error {
  override readonly name = FAILURES.CutoverTooSlow;
}

export type SwitchOptions = {
  readonly plan: Plan;
  readonly environment: Environment;
  /** The programs that this worker allows for `traffic`, absolute paths. @default none */
  readonly programs?: readonly string[];
  readonly to: Side;
  /** See `takeSwitchLease`. */
  readonly token: FencingToken;
  /** Longest wait for an answer, ms, but never more than `REPLY_MS`. @default the fence budget of the plan */
  readonly replyMs?: number;
  /** Every connection proves with it that it reaches the store that was claimed. */
  readonly prove?: IdentityProof;
  /** The authority record that the caller knows; `null` or absent = it knows none, and nothing is compared. */
  readonly known?: AuthorityRecord | null;
  /** Called with the name of each step before it begins. The step waits until this call has ended. */
  readonly report: (step: string) => void | Promise<void>;
};

/**
 * Longest silence of a connection, ms. It is longer than the wait for one answer: if the flip is not answered in time,
 * `flip` reads the record back on the same connection, so that connection must still be open.
 */
const LINE_MS = 15_000;

type Course = SwitchOptions & {
  readonly keyspace: Keyspace;
  readonly stores: Stores;
  /** Scripts on V2. They are loaded before the fence, so that no app waits for this. */
  readonly run: RunScript;
  readonly steps: { step: string; ms: number }[];
  /** End of the fence budget, ms of `performance.now()`. */
  readonly deadlineMs: number;
};

/**
 * Moves the authority: ready → fence → drain → verify → flip → unpause → records → traffic → open. Cutover and
 * rollback are this one function with the sides swapped. Both take time in proportion to the lag, not to the amount of
 * data.
 *
 * The function may run twice, even while an earlier run is still at work: the later run ends the earlier one
 * (`takeSwitchLease`). If V2's record already names `to`, an earlier run has made the flip, and the function only
 * repeats the steps after the flip.
 *
 * @throws SwitchLeaseLost, AuthorityMoved nothing was changed
 * @throws CutoverTooSlow a step before the flip failed; the old side was opened again
 * @throws OwnershipUncertain the result of the flip is unknown
 */
export async function switchAuthority(options: SwitchOptions): Promise<SwitchReport> {
  const { plan, environment, to, token, replyMs = plan.gates.fenceBudgetMs } = options;
  const purpose = fencingPurpose(plan.migration, token);
  // A switch limits the whole time of an answer. If it waited for one answer longer than writes may be blocked, it
  // would open the old side too late.
  const patience = { commandTimeout: Math.min(REPLY_MS, replyMs), replyMs: LINE_MS };
  const stores = await openStores(plan, environment, purpose, patience, options.prove);
  try {
    await takeSwitchLease(stores, plan.migration, token);
    // An earlier attempt at this same switch may have made the flip, so the record may also name `to`.
    const before = await assertKnown(stores, plan, options.known ? { ...options.known, moving: to } : null);
    if (!before) throw new CutoverTooSlow('no authority record on the target');
    const course: Course = {
      ...options,
      keyspace: keyspaceOf(plan.migration),
      stores,
      run: await loadScripts(stores.target.redis),
      steps: [],
      deadlineMs: performance.now() + plan.gates.fenceBudgetMs,
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

/**
 * Does every step up to and including the flip. If a step fails, the function opens the old side again before it
 * throws: the way back comes first. Only after `OwnershipUncertain` it opens nothing, because it does not know which
 * side serves.
 *
 * @returns how many keys were verified under the fence
 */
async function moveOrOpenAgain(course: Course, before: AuthorityRecord): Promise<number> {
  const { plan, keyspace, stores, to, token, deadlineMs } = course;
  try {
    await step(course, 'ready', async () => {
      await assertSyncsLive(course);
      if (to === 'target') await assertEveryWriterKnown(stores, plan);
      await Promise.all([
        markServers(stores, keyspace, token),
        copySwitchLease(stores, plan.migration, token),
      ]);
    });
    await step(course, 'fence', () => fence(course));
    await step(course, 'drain', () => drain(course));
    const verified = await step(course, 'verify', () => verify(course));
    await step(course, 'flip', async () => {
      await assertPreconditionsHold(stores, keyspace, otherSide(to), token);
      assertInTime(deadlineMs);
      await flip(stores.target.redis, course.run, { side: to, epoch: before.epoch + 1 });
    });
    return verified;
  } catch (error) {
    if (error instanceof OwnershipUncertain) throw error;
    await openSide(stores, plan, otherSide(to));
    // Between two attempts of a rollback no phase checks the fence. A server of the side without authority may have
    // restarted and forgotten it, and then both sides could be written. So raise it again here.
    const kept = await keepFence(plan, stores, otherSide(to)).then(
      () => '',
      (also: unknown) => `; and the fence of the other side: ${messageOf(also)}`,
    );
    const last = course.steps.at(-1)?.step ?? 'ready';
    throw new CutoverTooSlow(`step ${last}: ${messageOf(error)}${kept}`, { cause: error });
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

/**
 * A step that tells the operator something about a fence. The metric's label is the text before the colon, so it names
 * no user.
 */
const aboutFence = (note: string) => `told of a fence: ${note}`;

/** Adds sentences for the operator to the steps of the report. */
function tell(course: Course, notes: readonly string[]): void {
  for (const note of notes) course.steps.push({ step: note, ms: 0 });
}

async function assertSyncsLive({ plan, keyspace, stores }: Course): Promise<void> {
  for (const link of linksOf(plan)) {
    const status = await readLinkStatus(stores.target.redis, keyspace, link);
    if (!status || !speaks(status)) throw new Error(`the sync of ${link.name} is silent`);
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
      // Without app users the pause is the only fence. The sync must not write to this side until the pause is lifted,
      // because its writes would wait.
      for (const link of linksOf(plan).filter((each) => each.source === one.store)) {
        await writeControl(stores.target.redis, keyspace, link.name, { paused: from });
      }
    }
    const keeper = copyStoreOf(stores, one);
    const notes = await raiseFence(one, keyspace, pausable ? plan.gates.fenceBudgetMs : null, keeper);
    tell(course, notes.map(aboutFence));
    if (one.store.appUsers.length > 0 && !(await fenceIsProven(one, keyspace, keeper))) {
      throw new Error(`the fence of ${one.store.name} is not proven: an app user could still write`);
    }
  }
}

/**
 * Drains the side that serves. The answers also name suspect sides, for example a server that came back with less data.
 * Neither side of a switch may be suspect: the new side would serve without the lost keys, or they would be deleted
 * there.
 */
async function drain({ plan, keyspace, stores, to, deadlineMs }: Course): Promise<void> {
  const { redis } = stores.target;
  const suspects = await drainLinks(redis, keyspace, linksOf(plan), otherSide(to), deadlineMs);
  if (suspects.length > 0) throw new Error(`absences are held back: the ${suspects.join(', ')} is suspect`);
}

/**
 * Compares the keys that were replicated lately. With `mode: forward` nothing is replicated back, so the changes on V2
 * stay differences, and a rollback takes V1 as it is.
 */
async function verify({ plan, stores, to, deadlineMs }: Course): Promise<number> {
  if (plan.mode === 'forward' && to === 'source') return 0;
  return verifyFenced(plan, stores, deadlineMs);
}

/**
 * Does the steps after the flip. From here the switch can only go forward. It lifts a pause first, because under it the
 * record of the old side could not be written.
 */
async function finishForward(course: Course, record: AuthorityRecord): Promise<void> {
  const { stores, plan, to, environment, programs = [] } = course;
  await step(course, 'unpause', () => liftPause(stores, plan, record));
  await step(course, 'records', async () => {
    for (const { redis } of stores.of('source')) {
      await writeAuthority(await loadScripts(redis), record);
      await raiseCopies(redis, plan, record);
    }
  });
  const silent = await step(course, 'traffic', () =>
    tellTraffic(plan.traffic, plan.migration, record, { environment, programs }),
  );
  if (silent.length > 0) tell(course, [`traffic not confirmed: ${silent.join(', ')}`]);
  const notes = await step(course, 'open', () => openSide(stores, plan, to));
  tell(course, notes.map(aboutFence));
}
