import type { Command } from 'commander';
import { addAbort } from './commands/abort.ts';
import { addApprove } from './commands/approve.ts';
import { addComplete } from './commands/complete.ts';
import { addConfigure } from './commands/configure.ts';
import { addDev } from './commands/dev.ts';
import { addExtend } from './commands/extend.ts';
import { addPause } from './commands/pause.ts';
import { addPlan } from './commands/plan.ts';
import { addPreflight } from './commands/preflight.ts';
import { addProgress } from './commands/progress.ts';
import { addRehearse } from './commands/rehearse.ts';
import { addReport } from './commands/report.ts';
import { addResume } from './commands/resume.ts';
import { addRollback } from './commands/rollback.ts';
import { addStart } from './commands/start.ts';
import { addWorker } from './commands/worker.ts';
import type { Desk } from './desk.ts';

/** Every verb, in the order in which a migration needs them. */
export function addVerbs(program: Command, desk: Desk): void {
  addPlan(program, desk);
  addWorker(program, desk);
  addPreflight(program, desk);
  addStart(program, desk);
  addProgress(program, desk);
  addApprove(program, desk);
  addPause(program, desk);
  addResume(program, desk);
  addConfigure(program, desk);
  addAbort(program, desk);
  addRollback(program, desk);
  addExtend(program, desk);
  addComplete(program, desk);
  addReport(program, desk);
  addDev(program, desk);
  addRehearse(program, desk);
}
