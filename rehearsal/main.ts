import { setTimeout as delay } from 'node:timers/promises';
import { reportLines } from '../client/output.ts';
import { tellFailure } from '../client/failure.ts';
import { processTerminal } from '../client/terminal.ts';
import { showDuration } from '../domain/plan/duration.ts';
import type { Report } from '../domain/run/report.ts';
import { checkTable, isSound } from './check/check.ts';
import { type Closing, createClosing } from './closing.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { type RehearsalOptions, parseOptions, USAGE } from './options.ts';
import { perform } from './perform.ts';
import { type Scene, setScene } from './scene.ts';
import { judgeRehearsal, rulesOf, type RehearsalVerdict } from './verdict.ts';
import type { RunOutcome, Phase } from '../domain/plan/plan.ts';

/** The rehearsal: a whole migration of live apps, on servers of its own, checked against the apps' own logs. */

/**
 * After an interruption, calls that are under way get this time to end, ms. A query to Temporal gives up after about
 * the same time.
 */
const LAST_CALLS_MS = 3_000;

const EXIT = { asExpected: 0, notAsExpected: 1, usage: 2, interrupted: 130 } as const;

/** @returns the exit code; 0 only when the migration ended as it should and nothing is lost */
export async function rehearse(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const options = parseOptions(argv);
  if (typeof options === 'string') {
    for (const line of options.split('\n')) terminal.note(line);
    return options === USAGE ? EXIT.asExpected : EXIT.usage;
  }
  const closing = createClosing();
  const interruption = listenForInterruption();
  const played = play(options, createNarrator(terminal), closing, interruption).catch((error: unknown) => {
    if (interruption.signal.aborted) return EXIT.interrupted;
    for (const line of tellFailure(error).lines) terminal.note(line);
    return EXIT.notAsExpected;
  });
  // Calls under way get a moment to end. With --keep the verdict exists already, and its exit code counts.
  const stopped = interruption.asked.then(() =>
    Promise.race([played, delay(LAST_CALLS_MS, EXIT.interrupted, { ref: false })]),
  );
  try {
    return await Promise.race([played, stopped]);
  } finally {
    await closing.close();
    interruption.forget();
  }
}

async function play(
  options: RehearsalOptions,
  narrator: Narrator,
  closing: Closing,
  interruption: Interruption,
): Promise<number> {
  const scene = await setScene(options, processTerminal(), narrator, closing);
  const rulesBefore = await rulesOf(scene);
  const report = await perform(scene, options, narrator, closing, interruption.signal);
  const verdict = await judgeRehearsal(scene, report, options.keys, rulesBefore);
  const asExpected = tell(report, verdict, options, narrator);
  if (!asExpected) narrator.say(`  look into ${scene.world.folder}`);
  if (options.keep) await leaveRunning(scene, narrator, interruption);
  return asExpected ? EXIT.asExpected : EXIT.notAsExpected;
}

function tell(
  report: Report,
  { result, tally }: RehearsalVerdict,
  options: RehearsalOptions,
  narrator: Narrator,
): boolean {
  const expected = expectedOutcomes(options);
  const rightEnd = expected.includes(report.outcome);
  const undone = report.undone.filter(({ problem }) => problem !== null).length;
  for (const line of ['', ...reportLines(report)]) narrator.say(line);
  narrator.say('\nthe stores, held against the apps’ own logs:');
  for (const line of checkTable(result)) narrator.say(line);
  narrator.say(
    `  a write waited ${showDuration(tally.longestWaitMs)} at most; ${tally.refused} were refused by a fence and went where the authority is`,
  );
  const asExpected = rightEnd && undone === 0 && isSound(result);
  narrator.say(
    `\n${asExpected ? '✓' : '✗'} ${report.outcome}, lost ${result.lost}${rightEnd ? '' : ` (expected: ${expected.join(' or ')})`}`,
  );
  return asExpected;
}

async function leaveRunning(scene: Scene, narrator: Narrator, interruption: Interruption): Promise<void> {
  await scene.apps.resume();
  narrator.say(`
everything keeps running until Ctrl-C. In a second terminal in this folder:
  . .jday/env                      # addresses and users of this world
  npx jday report                  # how it ended
  npx jday progress                # what there is to see; npx jday --help names every verb
  redis-cli -u "$TARGET_V2"        # V2 as jday's own user sees it
the Temporal UI: ${scene.world.uiUrl}`);
  await interruption.asked;
}

/** @returns how a rehearsal may end */
export function expectedOutcomes({
  abortAt,
  corrupt,
}: Pick<RehearsalOptions, 'abortAt' | 'corrupt'>): readonly RunOutcome[] {
  if (corrupt) return ['rolled-back'];
  return abortAt === null ? ['completed'] : outcomesOfAbortAt(abortAt);
}

/** From the approval to the flip only milliseconds pass, so the abort may arrive before or after the flip. */
function outcomesOfAbortAt(phase: Phase): readonly RunOutcome[] {
  if (phase === 'approval' || phase === 'cutover') return ['aborted', 'rolled-back'];
  return phase === 'watch' ? ['rolled-back'] : ['aborted'];
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Interruption = {
  readonly signal: AbortSignal;
  /** Resolves when a user presses Ctrl-C or another process asks this one to end. */
  readonly asked: Promise<void>;
  /** Stops listening for the signals: the next Ctrl-C ends the process as usual. */
  forget(): void;
};

function listenForInterruption(): Interruption {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  for (const name of SIGNALS) process.once(name, interrupt);
  return {
    signal: controller.signal,
    asked: new Promise((resolve) =>
      controller.signal.addEventListener('abort', () => resolve(), { once: true }),
    ),
    forget: () => {
      for (const name of SIGNALS) process.off(name, interrupt);
    },
  };
}
