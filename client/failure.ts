import { CommanderError } from 'commander';
import type { Check } from '../domain/run/check.ts';
import { FAILURES } from '../domain/run/failure.ts';
import { TemporalSettingsUnreadable } from '../workers/temporal-settings.ts';
import { TemporalSilent } from '../workers/temporal-silent.ts';
import { EXIT, type ExitCode, VerbFailed } from './exit.ts';
import { checkLines } from './output.ts';
import { PlanProblems } from './plan-file.ts';

export type ToldFailure = { readonly exitCode: ExitCode; readonly lines: readonly string[] };

/** Translates an error into sentences for the operator and an exit code. Never shows a stack trace. */
export function tellFailure(error: unknown): ToldFailure {
  if (error instanceof VerbFailed) return { exitCode: error.exitCode, lines: [error.message] };
  if (error instanceof TemporalSilent) return { exitCode: EXIT.error, lines: [error.message] };
  if (error instanceof TemporalSettingsUnreadable) return { exitCode: EXIT.usage, lines: [error.message] };
  if (error instanceof PlanProblems) return { exitCode: EXIT.usage, lines: error.lines };
  // Commander has already printed its message. A request for help or for the version is no failure.
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? EXIT.fine : EXIT.usage, lines: [] };
  return tellRunFailure(error) ?? { exitCode: EXIT.error, lines: [sentence(error)] };
}

/** @returns the red checks that made a run fail; `undefined` = it failed for another reason */
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
  const { StoresClaimed, BadConfiguration } = FAILURES;
  const codes: Readonly<Record<string, ExitCode>> = {
    [StoresClaimed]: EXIT.refused,
    [BadConfiguration]: EXIT.usage,
  };
  const exitCode = codes[typeOf(typed)] ?? EXIT.error;
  return { exitCode, lines: [`${typeOf(typed)}: ${typed.message}`] };
}

function sentence(error: unknown): string {
  const chain = causes(error);
  const [first = ''] = (chain.at(-1)?.message ?? String(error)).split('\n');
  return `${first.replace(/\/\/\S*@/g, '//***@')} (JDAY_DEBUG=1 shows the trace)`;
}

/** @returns the error and its causes, outermost first */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

function typeOf(error: Error): string {
  return 'type' in error && typeof error.type === 'string' ? error.type : '';
}
