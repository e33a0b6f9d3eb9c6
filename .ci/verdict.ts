/**
 * Reads the results of vitest and says what they mean. A file that failed is run once more, alone. If it passes then, it
 * is flaky: the run passes, and the closing lines name it.
 *
 *   failed FIRST          the files that failed, one a line
 *   slowest FIRST         the files that took longest
 *   close FIRST [SECOND]  the closing lines; exit code 1 if the tests do not pass
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { quarantined } from '../test/lanes/proofs.ts';

/** With more flaky files than this the run fails. */
export const MOST_FLAKY = 3;
const SLOWEST = 10;

interface FileResult {
  readonly name: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}

/** The part of the report of vitest's reporter `json` that counts here. */
export interface Results {
  readonly testResults: readonly FileResult[];
}

export interface SuiteVerdict {
  readonly passes: boolean;
  /** The last of them is `N passed, N failed`, with the skipped ones. */
  readonly lines: readonly string[];
}

/** The results have no message of a hook that failed inside a `describe`. */
const A_HOOK = 'a hook of a group of tests failed, see SUITE FAILED';

const fileOf = ({ name }: FileResult) => relative(process.cwd(), name);
const firstLine = (text: string | undefined) => (text ?? '').split('\n', 1)[0]!.slice(0, 400);

/** Returns a line `FILE › TEST — first error` for each failed test of the file. The file itself may have failed, too. */
function failuresOf(file: FileResult): readonly string[] {
  const tests = file.assertionResults
    .filter(({ status }) => status === 'failed')
    .map(
      ({ fullName, failureMessages: [message] }) => `${fileOf(file)} › ${fullName} — ${firstLine(message)}`,
    );
  const unexplained = file.status === 'failed' && tests.length === 0;
  return unexplained ? [`${fileOf(file)} — ${firstLine(file.message) || A_HOOK}`] : tests;
}

export const failedFiles = ({ testResults }: Results): readonly string[] =>
  testResults.filter((file) => failuresOf(file).length > 0).map(fileOf);

/**
 * @param first results of all files; null if there are none, because the run broke off
 * @param second results of the files that failed at first; null if they were not run again
 */
export function suiteVerdict(first: Results | null, second: Results | null): SuiteVerdict {
  if (first === null)
    return { passes: false, lines: ['failed: the tests gave no results', '0 passed, 1 failed'] };
  const failedAgain = new Set(second === null ? failedFiles(first) : failedFiles(second));
  const ranAgain = new Set(second?.testResults.map(fileOf));
  const failed = first.testResults.filter((file) => failuresOf(file).length > 0);
  const isFlaky = (file: FileResult) => ranAgain.has(fileOf(file)) && !failedAgain.has(fileOf(file));
  const flaky = failed.filter(isFlaky);
  const red = failed.filter((file) => !isFlaky(file));
  const lastOf = (file: FileResult) =>
    second?.testResults.find((one) => one.name === file.name && failuresOf(one).length > 0) ?? file;
  const lines = [
    ...quarantined.map(({ file, why }) => `quarantined: ${file} — ${why}`),
    ...flaky.flatMap((file) => failuresOf(file).map((line) => `flaky: ${line}`)),
    ...(flaky.length > MOST_FLAKY ? [`failed: ${flaky.length} flaky files, at most ${MOST_FLAKY} pass`] : []),
    ...shortened(red.flatMap((file) => failuresOf(lastOf(file)).map((line) => `failed: ${line}`))),
    countOf(first, red),
  ];
  return { passes: red.length === 0 && flaky.length <= MOST_FLAKY && first.testResults.length > 0, lines };
}

/** The last 60 lines of a run must be enough to act on, and the checks need some of them. */
const MOST_LINES = 30;

function shortened(lines: readonly string[]): readonly string[] {
  const left = lines.length - MOST_LINES;
  return left <= 0 ? lines : [...lines.slice(0, MOST_LINES), `failed: ${left} more, see above`];
}

export function slowestFiles({ testResults }: Results): readonly string[] {
  const seconds = ({ startTime, endTime }: FileResult) => Math.round((endTime - startTime) / 1_000);
  return testResults
    .toSorted((one, other) => seconds(other) - seconds(one))
    .slice(0, SLOWEST)
    .map((file) => `${seconds(file)} s  ${fileOf(file)}`);
}

/** A test that failed at first and passed alone counts as passed. */
function countOf({ testResults }: Results, red: readonly FileResult[]): string {
  const statuses = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ status }) => status),
  );
  const failed = red.reduce((sum, file) => sum + failuresOf(file).length, 0);
  const skipped = statuses.filter((status) => status !== 'passed' && status !== 'failed').length;
  const passed = Math.max(0, statuses.length - skipped - red.flatMap((file) => failuresOf(file)).length);
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function read(path: string | undefined): Results | null {
  if (path === undefined) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Results;
  } catch {
    return null;
  }
}

function main([verb, first, second]: readonly string[]): void {
  const results = read(first);
  if (verb !== 'close') {
    const list = verb === 'failed' ? failedFiles : slowestFiles;
    for (const line of results === null ? [] : list(results)) console.log(line);
    return;
  }
  const { passes, lines } = suiteVerdict(results, read(second));
  for (const line of lines) console.log(line);
  process.exitCode = passes ? 0 : 1;
}

if (process.argv[1]?.endsWith('verdict.ts')) main(process.argv.slice(2));
