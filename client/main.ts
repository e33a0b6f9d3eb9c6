import { inspect } from 'node:util';
import { Command } from 'commander';
import type { VerbContext } from './verb-context.ts';
import { EXIT } from './exit.ts';
import { tellFailure } from './failure.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { addAbort, addPlan, addPreflight, addStart } from './verbs/lifecycle.ts';
import { addApprove, addComplete, addExtend, addPause, addRollback, addWaive } from './verbs/updates.ts';
import { addConfigure, addResume } from './verbs/resume.ts';
import { addDev, addWorker } from './verbs/processes.ts';
import { addProgress, addReport } from './verbs/views.ts';

/**
 * Runs one verb. Failures go to stderr, as sentences.
 *
 * @returns the exit code
 */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let exitCode: number = EXIT.fine;
  const desk: VerbContext = {
    ...terminal,
    end: (code) => {
      exitCode = code;
    },
  };
  const program = new Command('jday')
    .description(
      'Moves live Redis data from SuperSmartMatch V1 and Nexten to V2; may be aborted at any moment.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => linesOf(text).forEach(terminal.out),
      writeErr: (text) => linesOf(text).forEach(terminal.note),
    })
    .enablePositionalOptions();
  addVerbs(program, desk);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    const told = tellFailure(error);
    for (const line of told.lines) terminal.note(line);
    if (terminal.environment.JDAY_DEBUG) linesOf(inspect(error)).forEach(terminal.note);
    return told.exitCode;
  }
}

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split('\n');
}

/** Adds every verb, in the order in which a migration needs them. */
export function addVerbs(program: Command, desk: VerbContext): void {
  addPlan(program, desk);
  addWorker(program, desk);
  addPreflight(program, desk);
  addStart(program, desk);
  addProgress(program, desk);
  addApprove(program, desk);
  addWaive(program, desk);
  addPause(program, desk);
  addResume(program, desk);
  addConfigure(program, desk);
  addAbort(program, desk);
  addRollback(program, desk);
  addExtend(program, desk);
  addComplete(program, desk);
  addReport(program, desk);
  addDev(program, desk);
}
