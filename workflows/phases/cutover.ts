import { ApplicationFailure, CancellationScope, sleep } from '@temporalio/workflow';
import { FAILURES } from '../../domain/run/failure.ts';
import { hasFlipped } from '../../domain/run/run-state.ts';
import {
  type AuthorityRecord,
  isKnown,
  type KnownRecord,
  movedSentence,
} from '../../domain/authority/authority-record.ts';
import { scaled, type Side } from '../../domain/plan/plan.ts';
import { failureOf, retryUntilResolved } from '../compensations.ts';
import { inOrder, numbered } from '../in-order.ts';
import { cuttingOver, observing, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import { watch, watchUntilGreen } from '../poll.ts';
import { passGate } from './gates.ts';

/** Pause after the first attempt that was too slow, ms at days of 24 h. Doubled after each further attempt. */
const BACK_OFF_MS = 60_000;
const BACK_OFF_FLOOR_MS = 500;

/**
 * Pause before a switch that has flipped is finished again, ms. A worker can come back in this time, and the apps that
 * wait do not wait long.
 */
const FINISH_MS = 1_000;
/** After this many tries an operator must look: a failure that stays will not be repaired by more tries. */
const FINISH_TRIES = 20;

/**
 * A switch that died between two authority records leaves the stores in disagreement. The syncs repair the records when
 * they start again, which takes seconds. So the workflow reads the records up to 15 times, 1 s apart.
 */
const AGREE_MS = 1_000;
const AGREE_LOOKS = 15;

/**
 * Moves the authority to V2. An attempt that failed before the flip has opened V1 again itself, and the next attempt
 * waits for green gates. When the last attempt of the plan fails, the migration aborts.
 *
 * @throws RollbackRequested when there is a wish to go back; else the failure of the last attempt
 */
export async function cutover(run: Run): Promise<void> {
  const { plan } = run;
  run.enter('cutover');
  for (let attempt = 1; ; attempt += 1) {
    // Shielded: an abort must not stop a switch halfway. The switch ends, or it lowers its fence. Then the way back
    // begins.
    const failure = await CancellationScope.nonCancellable(() => attemptSwitch(run, attempt));
    run.throwIfRollbackRequested();
    if (failure === null) return;
    if (attempt >= plan.gates.cutoverAttempts) throw failure;
    const againMs = Date.now() + scaled(plan, BACK_OFF_MS, BACK_OFF_FLOOR_MS) * 2 ** (attempt - 1);
    run.waitFor({
      what: 'time',
      until: new Date(againMs).toISOString(),
      why: `attempt ${attempt} failed, V1 serves: ${failureOf(failure).message}`,
    });
    await watch(run, { goal: 'none', untilMs: () => againMs });
    await passGate(run, true);
    run.waitFor({ what: 'gates', gate: 'cutover', why: 'all gates green for the next attempt' });
    await watchUntilGreen(run, 0);
  }
}

/**
 * Makes one attempt and finishes it forward when it has flipped.
 *
 * @returns `null` = V2 has the authority. An error = why V1 serves, or the last failure when a wish to go back came in
 */
async function attemptSwitch(run: Run, attempt: number): Promise<Error | null> {
  run.waitFor({ what: 'nothing', why: `cutover, attempt ${attempt}` });
  for (let tries = 1; ; tries += 1) {
    run.note({ switching: true });
    try {
      const report = await numbered(run, cuttingOver(attempt), (steps, fencingNumber) =>
        steps.cutover({ known: run.known(), fencingNumber }),
      );
      run.serves(report.to, report.epoch);
      run.note({ switching: false, cutover: { ...report, attempts: attempt }, lastFailure: null });
      return null;
    } catch (error) {
      const ended = await settleAttempt(run, error, tries);
      if (ended) return ended;
    }
  }
}

/**
 * Decides what follows a failed attempt.
 *
 * @returns the error with which the cutover goes on; `null` = try the same attempt again at once
 */
async function settleAttempt(run: Run, error: unknown, tries: number): Promise<Error | null> {
  const { type, message } = failureOf(error);
  const failure = error instanceof Error ? error : new Error(message);
  run.note({ lastFailure: message });
  if (type === FAILURES.CutoverTooSlow) {
    run.note({ switching: false });
    return failure;
  }
  // The attempt may have died at any line. Only the records in the stores say which side serves.
  const serves = type === FAILURES.OwnershipUncertain ? null : ((await whoServes(run))?.side ?? null);
  if (serves === 'source' && (await takeAuthorityBack(run)) === 'source') {
    run.note({ switching: false });
    return failure;
  }
  // A wish to go back has come in. The way back finds out itself which side serves (`knowWhoServes`).
  if (run.state.stop) return failure;
  if (serves === null) await run.operator(`nobody can know which side serves: ${message}`);
  else if (tries % FINISH_TRIES === 0)
    await run.operator(`V2 has the authority, and the rest fails: ${message}`);
  else await sleep(FINISH_MS, { summary: 'V2 has the authority: finishes forward' });
  return run.state.stop ? failure : null;
}

/**
 * Opens V1 after a broken attempt. The attempt may be a process that was only stopped and goes on later. It can flip
 * until `unfence` takes the switch lease. So the caller must use the side that `unfence` returns, not the side that an
 * earlier read has shown.
 */
async function takeAuthorityBack(run: Run): Promise<Side> {
  const known = knownWhileSwitching(run);
  const open = () =>
    inOrder(run, undoing('Opens V1 after a broken attempt'), (steps, fencingNumber) =>
      steps.unfence({ known, fencingNumber }),
    );
  return retryUntilResolved(run, 'opening V1', open);
}

/**
 * Reads the authority records until the stores agree.
 *
 * @returns `null` = the records are missing, or still disagree after the last read
 */
async function whoServes(run: Run): Promise<AuthorityRecord | null> {
  for (let looks = 1; ; looks += 1) {
    const serves = await retryUntilResolved(run, 'asking the stores who serves', () =>
      recordedAuthority(run),
    );
    if (serves !== null || looks === AGREE_LOOKS) return serves;
    await sleep(AGREE_MS, { summary: 'The stores do not agree yet on who serves' });
  }
}

async function recordedAuthority(run: Run): Promise<AuthorityRecord | null> {
  const { state } = run;
  const look = {
    goal: 'none',
    joins: 'sync',
    authority: state.authority,
    holdMs: 0,
    forMs: 0,
    greenForMs: null,
  } as const;
  const observation = await observing(0, 'Asks the stores who serves').observe(look);
  run.observed(observation);
  const { authority: said, doubt } = observation.snapshot;
  const known = knownWhileSwitching(run);
  // Two answers are no answers: another server behind an address, and a record that no switch of this run can have
  // written. The failure goes to an operator, with a sentence that says which of the two it is.
  if (doubt !== undefined) throw ApplicationFailure.nonRetryable(doubt, FAILURES.WrongStore);
  if (said !== null && known !== null && !isKnown(said, known))
    throw ApplicationFailure.nonRetryable(movedSentence(said, known), FAILURES.AuthorityMoved);
  return said;
}

/** The record that this run knows. `moving` allows for a cutover of this run that may have moved it to V2. */
function knownWhileSwitching(run: Run): KnownRecord | null {
  const known = run.known();
  return known && { ...known, moving: 'target' };
}

/**
 * Opens V1 and notes that it serves. When the attempt has flipped meanwhile nothing is noted, and the caller reads
 * again.
 */
async function openAgain(run: Run, seen: AuthorityRecord): Promise<void> {
  if ((await takeAuthorityBack(run)) !== 'source') return;
  run.serves('source', seen.epoch);
  run.note({ switching: false });
}

/**
 * Finds out which side serves, when a switch has not ended clearly. The undos must wait for that: they differ between
 * an abort and a rollback.
 */
export async function knowWhoServes(run: Run): Promise<void> {
  while (run.state.switching) {
    const seen = await whoServes(run);
    if (seen?.side === 'target') {
      run.serves(seen.side, seen.epoch);
      run.note({ switching: false });
    } else if (seen?.side === 'source') await openAgain(run, seen);
    else await run.operator('nobody can know which side serves: the way back waits until the stores agree');
  }
}

/**
 * Moves the authority back to V1, with the steps of the cutover and the sides swapped. No undo may run before it has
 * succeeded: V2 serves, and the sync is the only way to bring its writes to V1.
 */
export async function rollBack(run: Run): Promise<void> {
  if (!hasFlipped(run.state)) return;
  const rollback = () =>
    inOrder(run, undoing('Rollback: fence V2, drain, verify, flip, open V1'), (steps, fencingNumber) =>
      steps.rollback({ known: run.known(), fencingNumber }),
    );
  const report = await retryUntilResolved(run, 'the rollback', rollback);
  run.serves(report.to, report.epoch);
  run.note({ rollback: report, lastFailure: null });
}
