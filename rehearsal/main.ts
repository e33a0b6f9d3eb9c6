/** The rehearsal of the real thing: a whole migration of live apps on servers of its own, proven by the apps' logs. */
import { setTimeout as delay } from 'node:timers/promises';
import { reportLines } from '../client/format/report-lines.ts';
import { tellFailure } from '../client/failure.ts';
import { processTerminal } from '../client/terminal.ts';
import { showDuration } from '../domain/duration.ts';
import type { Report } from '../domain/report.ts';
import { checkTable, isSound } from './check/table.ts';
import { type Closing, createClosing } from './closing.ts';
import { expectedOutcomes } from './expectation.ts';
import { type Interruption, listenForInterruption } from './interruption.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { perform } from './perform.ts';
import { type Scene, setScene } from './scene.ts';
import { judge, rulesOf, type Verdict } from './verdict.ts';

/** A question to Temporal is given up after about this time. */
const LAST_CALLS_MS = 3_000;

const EXIT = { asExpected: 0, notAsExpected: 1, usage: 2, interrupted: 130 } as const;

/** @returns the exit code: 0 only if it ended as it should and nothing is lost */
export async function rehearse(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const options = parseOptions(argv);
  if (typeof options === 'string') {
    terminal.note(options);
    return options === USAGE ? EXIT.asExpected : EXIT.usage;
  }
  const closing = createClosing();
  const interruption = listenForInterruption();
  const played = play(options, createNarrator(terminal), closing, interruption).catch((error: unknown) => {
    if (interruption.signal.aborted) return EXIT.interrupted;
    for (const line of tellFailure(error).lines) terminal.note(line);
    return EXIT.notAsExpected;
  });
  // Calls under way get a moment to end. With --keep there is a verdict already.
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
  options: Options,
  narrator: Narrator,
  closing: Closing,
  interruption: Interruption,
): Promise<number> {
  const scene = await setScene(options, processTerminal(), narrator, closing);
  const rulesBefore = await rulesOf(scene);
  const report = await perform(scene, options, narrator, closing, interruption.signal);
  const verdict = await judge(scene, report, options.keys, rulesBefore);
  const asExpected = tell(report, verdict, options, narrator);
  if (!asExpected) narrator.say(`  look into ${scene.world.folder}`);
  if (options.keep) await leaveRunning(scene, narrator, interruption);
  return asExpected ? EXIT.asExpected : EXIT.notAsExpected;
}

function tell(report: Report, { result, tally }: Verdict, options: Options, narrator: Narrator): boolean {
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
  npx jday start --day 2s          # again; jday progress --watch, jday approve, jday abort
  redis-cli -u "$TARGET_V2"        # V2 as jday's own user sees it
the Temporal UI: ${scene.world.uiUrl}`);
  await interruption.asked;
}
