import { CommanderError } from 'commander';
import type { Check } from '../domain/check.ts';
import { FAILURES } from '../domain/failure.ts';
import { TemporalSettingsUnreadable } from '../workers/temporal-settings.ts';
import { TemporalSilent } from '../workers/temporal-silent.ts';
import { EXIT, type ExitCode, VerbFailed } from './exit.ts';
import { checkLines } from './format/check-lines.ts';
import { PlanProblems } from './plan-file.ts';

export type ToldFailure = { readonly exitCode: ExitCode; readonly lines: readonly string[] };

/** What an operator is told of an error, and the exit code it means. Sentences only; never a stack. */
export function tellFailure(error: unknown): ToldFailure {
  if (error instanceof VerbFailed) return { exitCode: error.exitCode, lines: [error.message] };
  if (error instanceof TemporalSilent) return { exitCode: EXIT.error, lines: [error.message] };
  if (error instanceof TemporalSettingsUnreadable) return { exitCode: EXIT.usage, lines: [error.message] };
  if (error instanceof PlanProblems) return { exitCode: EXIT.usage, lines: error.lines };
  // Commander has said it already; asking for help or the version is no failure.
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? EXIT.fine : EXIT.usage, lines: [] };
  return tellRunFailure(error) ?? { exitCode: EXIT.error, lines: [sentence(error)] };
}

/** The red checks behind a failed run, if that is why it failed. */
export function redChecksOf(error: unknown): readonly Check[] | undefined {
  const red = causes(error).find((cause) => typeOf(cause) === FAILURES.PreflightRed);
  const details: unknown = red && 'details' in red ? red.details : undefined;
  return Array.isArray(details) && Array.isArray(details[0]) ? (details[0] as readonly Check[]) : undefined;
}

function tellRunFailure(error: unknown): ToldFailure | undefined {
  const checks = redChecksOf(error);
  if (checks) return { exitCode: EXIT.red, lines: [...checkLines(checks), 'Nothing was changed.'] };
  const typed = causes(error).find((cause) => typeOf(cause) in FAILURES);
  if (!typed) return undefined;
  if (typeOf(typed) === FAILURES.PreflightRed) return { exitCode: EXIT.red, lines: [typed.message] };
  const exitCode = typeOf(typed) === FAILURES.StoresClaimed ? EXIT.refused : EXIT.error;
  return { exitCode, lines: [`${typeOf(typed)}: ${typed.message}`] };
}

function sentence(error: unknown): string {
  const chain = causes(error);
  const [first = ''] = (chain.at(-1)?.message ?? String(error)).split('\n');
  return `${first.replace(/\/\/\S*@/g, '//***@')} (JDAY_DEBUG=1 shows the trace)`;
}

/** The error and what caused it, outermost first. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

function typeOf(error: Error): string {
  return 'type' in error && typeof error.type === 'string' ? error.type : '';
}
