import { CancellationScope, sleep } from '@temporalio/workflow';
import { FAILURES } from '../../domain/failure.ts';
import { hasFlipped } from '../../domain/run-state.ts';
import type { Side } from '../../domain/side.ts';
import { scaled } from '../../domain/timeline.ts';
import { failureOf } from '../failure-of.ts';
import { insist } from '../insist.ts';
import { cuttingOver, observing, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import type { Saga } from '../saga.ts';
import { watch, watchUntilGreen } from '../watching.ts';
import { passGate } from './waiting.ts';

/** After a first attempt that was too slow, ms at days of 24 h; doubled each time. */
const BACK_OFF_MS = 60_000;
const BACK_OFF_FLOOR_MS = 500;

/** Between two tries to finish what has flipped: long enough for a worker to come back, short for apps that wait. */
const FINISH_MS = 1_000;
/** Then somebody has to look: a failure that stays is nothing that tries mend. */
const FINISH_TRIES = 20;

/** A switch that died between two records leaves them apart until the syncs begin anew and mend them; they need seconds. */
const AGREE_MS = 1_000;
const AGREE_LOOKS = 15;

/**
 * Moves the authority to V2. An attempt that was too slow has opened V1 again by itself; the next one waits for
 * green gates. The last one's failure aborts.
 */
export async function cutover(run: Run, saga: Saga): Promise<void> {
  const { plan } = run;
  run.enter('cutover');
  saga.before('give the authority back to V1', () => rollBack(run), 'target');
  for (let attempt = 1; ; attempt += 1) {
    // Shielded: an abort never cuts a switch in two. It ends or un-fences first, then the way back begins.
    const failure = await CancellationScope.nonCancellable(() => attemptSwitch(run, attempt));
    run.throwIfTurnedBack();
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

/** `null` = V2 has the authority; otherwise V1 serves and this is why, or somebody wants back. */
async function attemptSwitch(run: Run, attempt: number): Promise<Error | null> {
  run.waitFor({ what: 'nothing', why: `cutover, attempt ${attempt}` });
  for (let tries = 1; ; tries += 1) {
    run.note({ switching: true });
    try {
      const report = await cuttingOver(attempt).cutover({ plan: run.plan });
      run.note({
        switching: false,
        cutover: { ...report, attempts: attempt },
        authority: report.to,
        epoch: report.epoch,
        lastFailure: null,
      });
      return null;
    } catch (error) {
      const ended = await settleAttempt(run, error, tries);
      if (ended) return ended;
    }
  }
}

/** What to do with a failed attempt: the error to go on with, or `null` to try again at once. */
async function settleAttempt(run: Run, error: unknown, tries: number): Promise<Error | null> {
  const { type, message } = failureOf(error);
  const failure = error instanceof Error ? error : new Error(message);
  run.note({ lastFailure: message });
  if (type === FAILURES.CutoverTooSlow) {
    run.note({ switching: false });
    return failure;
  }
  // The attempt may have died anywhere: only the stores know who serves.
  const serves = type === FAILURES.OwnershipUncertain ? null : await whoServes(run);
  if (serves === 'source' && (await takeBack(run)) === 'source') {
    run.note({ switching: false });
    return failure;
  }
  // Somebody wants back: the way back asks for itself what it has to know.
  if (run.state.stop) return failure;
  if (serves === null) await run.operator(`nobody can know which side serves: ${message}`);
  else if (tries % FINISH_TRIES === 0)
    await run.operator(`V2 has the authority, and the rest fails: ${message}`);
  else await sleep(FINISH_MS, { summary: 'V2 has the authority: finishes forward' });
  return run.state.stop ? failure : null;
}

/**
 * Opens V1 after a broken attempt. The attempt may only have been stopped: until it is fenced out, which this does, it
 * could still flip, so its word counts and not that of the look before it.
 */
async function takeBack(run: Run): Promise<Side> {
  const open = () => undoing('Opens V1 after a broken attempt').unfence({ plan: run.plan });
  return insist(run, 'opening V1', open);
}

/** What the authority records say; `null` = they are missing or disagree, and stay so. */
async function whoServes(run: Run): Promise<Side | null> {
  for (let looks = 1; ; looks += 1) {
    const serves = await insist(run, 'asking the stores who serves', () => recordedAuthority(run));
    if (serves !== null || looks === AGREE_LOOKS) return serves;
    await sleep(AGREE_MS, { summary: 'The stores do not agree yet on who serves' });
  }
}

async function recordedAuthority(run: Run): Promise<Side | null> {
  const { plan, state } = run;
  const look = {
    plan,
    goal: 'none',
    joins: 'sync',
    authority: state.authority,
    holdMs: 0,
    forMs: 0,
    greenSinceMs: null,
  } as const;
  const { snapshot } = await observing(0, 'Asks the stores who serves').observe(look);
  return snapshot.authority?.side ?? null;
}

/** Before anything is undone it must be known which way back is the right one. */
export async function knowWhoServes(run: Run): Promise<Side> {
  while (run.state.switching) {
    const seen = await whoServes(run);
    if (seen === 'target') run.note({ switching: false, authority: seen });
    else if (seen === 'source') run.note({ switching: false, authority: await takeBack(run) });
    else await run.operator('nobody can know which side serves: the way back waits until the stores agree');
  }
  return run.state.authority;
}

/** The same switch with the sides swapped. Without it nothing else may be undone: V2 serves, and the sync is its way back. */
async function rollBack(run: Run): Promise<void> {
  if (!hasFlipped(run.state)) return;
  const rollback = () =>
    undoing('Rollback: fence V2, drain, verify, flip, open V1').rollback({ plan: run.plan });
  const report = await insist(run, 'the rollback', rollback);
  run.note({ rollback: report, authority: report.to, epoch: report.epoch, lastFailure: null });
}
