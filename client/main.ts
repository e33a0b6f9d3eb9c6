import { Command } from 'commander';
import { addVerbs } from './verbs.ts';
import type { Desk } from './desk.ts';
import { EXIT } from './exit.ts';
import { tellFailure } from './failure.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** Runs one verb and answers its exit code; what cannot be done is told on stderr in sentences. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let exitCode: number = EXIT.fine;
  const desk: Desk = {
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
    .enablePositionalOptions();
  addVerbs(program, desk);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    const told = tellFailure(error);
    for (const line of told.lines) terminal.note(line);
    if (terminal.environment.JDAY_DEBUG) console.error(error);
    return told.exitCode;
  }
}
