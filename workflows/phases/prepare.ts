import { ApplicationFailure, sleep } from '@temporalio/workflow';
import { FAILURES } from '../../domain/failure.ts';
import { jDayMs } from '../../domain/timeline.ts';
import { asking, doing, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import type { Saga } from '../saga.ts';
import { passGate } from './waiting.ts';

/** Looks, changes nothing. A red check fails the workflow: there is nothing to undo. */
export async function preflight(run: Run): Promise<void> {
  run.enter('preflight');
  const { checks, searchAttributes } = await asking(
    'Preflight: looks at every store, changes nothing',
  ).preflight({ plan: run.plan });
  const red = checks.filter((check) => check.verdict === 'red');
  if (red.length > 0) {
    const names = red.map((check) => `${check.name} (${check.subject})`).join(', ');
    throw ApplicationFailure.nonRetryable(`preflight is red: ${names}`, FAILURES.PreflightRed, red);
  }
  run.searchable = searchAttributes;
  run.note({ warnings: checks.filter((check) => check.verdict === 'alert') });
}

/** Takes the stores, on the day on which the plan begins. */
export async function claim(run: Run, saga: Saga): Promise<void> {
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
  saga.before('give the stores free', () => undoing('Undo: gives the stores free').release({ plan }));
  await doing('Takes the stores for this migration').claim({ plan });
}

/** Backups are kept, whatever comes: they need no undo. */
export async function backup(run: Run, label: string): Promise<void> {
  const made = await doing(`Backup ${label}, proven by a restore`).backup({ plan: run.plan, label });
  run.note({ backups: [...run.state.backups, made] });
}
