import { ApplicationFailure, sleep } from '@temporalio/workflow';
import { FAILURES } from '../../domain/run/failure.ts';
import { jDayMs } from '../../domain/plan/plan.ts';
import { onOurStores, type Saga } from '../compensations.ts';
import { asking, doing, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import { passGate } from './gates.ts';

/** Runs the checks and changes nothing. A red check fails the workflow. There is nothing to undo then. */
export async function preflightPhase(run: Run): Promise<void> {
  run.enter('preflight');
  const { checks, searchAttributes } = await asking(
    'Preflight: looks at every store, changes nothing',
  ).preflight({});
  const red = checks.filter((check) => check.verdict === 'red');
  if (red.length > 0) {
    const names = red.map((check) => `${check.name} (${check.subject})`).join(', ');
    throw ApplicationFailure.nonRetryable(`preflight is red: ${names}`, FAILURES.PreflightRed, red);
  }
  run.searchable = searchAttributes;
  run.note({ warnings: checks.filter((check) => check.verdict === 'alert') });
}

/**
 * Waits for the first day of the plan, then takes the stores. Registers undo 7, "give the stores free" (the table
 * stands in `compensations.ts`).
 */
export async function claimPhase(run: Run, saga: Saga, takeOver?: string): Promise<void> {
  const { plan } = run;
  const startMs = jDayMs(plan, run.state.startedAtMs) + plan.timeline.startDay * plan.dayMs;
  const waitMs = startMs - Date.now();
  if (waitMs > 0) {
    run.waitFor({
      what: 'time',
      until: new Date(startMs).toISOString(),
      why: `the plan begins on J${plan.timeline.startDay}`,
    });
    await sleep(waitMs, { summary: `Until J${plan.timeline.startDay}` });
  }
  await passGate(run, false);
  saga.before('give the stores free', () =>
    undoing('Undo: gives the stores free').release({ known: run.known() }),
  );
  const record = await doing('Takes the stores for this migration').claim({
    ...(takeOver && { takeOver }),
  });
  run.serves(record.side, record.epoch);
}

/** Makes one backup. It registers no undo: backups are kept, whatever the outcome. */
export async function backupPhase(run: Run, label: string): Promise<void> {
  const made = await onOurStores(run, `backup ${label}`, () =>
    doing(`Backup ${label}, proven by a restore`).backup({ label }),
  );
  run.note({ backups: [...run.state.backups, made] });
}
