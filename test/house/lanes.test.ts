/** Checks the lanes of the suite: what `npm test` leaves out, what is known to be broken, and how a run is judged. */
import { describe, expect, it } from 'vitest';
import { failedFiles, MOST_FLAKY, type Results, slowestFiles, suiteVerdict } from '../../.ci/verdict.ts';
import {
  explained,
  filesLeft,
  type Proof,
  type ProvedFile,
  proofWith,
  proofWithout,
  tableOf,
} from '../lanes/proof.ts';
import { filesOf, PART_NAMES, PARTS } from '../lanes/proofs.ts';
import { spreadOut, WAITING } from '../lanes/spread-out.ts';
import { contentOf, jsonOf, testFiles } from '../support/house/repository.ts';

const MOST_IN_QUARANTINE = 10;
/** `npm start`, a whole migration, an abort, a rollback and the rules of the house are never left out by a quarantine. */
const NEVER_IN_QUARANTINE = /^test\/(end-to-end\/(rehearsal|completed|killed|abort)\.test\.ts$|house\/)/;

const quarantine = () => jsonOf<readonly { file: string; why: string }[]>('test/lanes/quarantine.json');

it('each file of the long proofs exists, and belongs to one part', () => {
  const files = PART_NAMES.flatMap(filesOf);
  expect(files.filter((file) => !testFiles().includes(file))).toEqual([]);
  expect(new Set(files).size).toBe(files.length);
});

it('a quarantined file exists, has a reason, and is no whole migration', () => {
  expect(quarantine().length).toBeLessThanOrEqual(MOST_IN_QUARANTINE);
  for (const { file, why } of quarantine()) {
    expect(testFiles()).toContain(file);
    expect(why.length).toBeGreaterThan(20);
    expect(file).not.toMatch(NEVER_IN_QUARANTINE);
  }
});

it('the documents name each part of the long proofs', () => {
  for (const part of PART_NAMES) expect(contentOf('CONTRIBUTING.md')).toContain(`| \`${part}\` |`);
});

describe('the shape of npm test', () => {
  const leftOut: readonly string[] = Object.values(PARTS).flatMap(({ onlyInProve }) => onlyInProve);
  const files = () => testFiles().filter((file) => !leftOut.includes(file));

  it('only files of the waiting lane start Temporal, or use it', () => {
    const uses =
      /support\/(servers\/temporal|worlds\/migration-world)\.ts'|startTemporal\(|with-migrations\.ts'/;
    const found = files().filter((file) => file.endsWith('.test.ts') && uses.test(contentOf(file)));
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter((file) => !WAITING.test(file))).toEqual([]);
  });

  it('no test waits for a fixed time: it waits for a condition', () => {
    const waits = /await delay\((\d[\d_]*)\)/g;
    const found = files()
      .filter((file) => file.endsWith('.test.ts'))
      .flatMap((file) =>
        [...contentOf(file).matchAll(waits)]
          .filter(([, ms = '']) => Number(ms.replaceAll('_', '')) > 20)
          .map(([call]) => `${file}: ${call}`),
      );
    expect(found).toEqual([]);
  });

  it('no test is left out by a word that nobody sees: skipIf and runIf say when', () => {
    const left = /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|only|todo|fails)\b/;
    const found = testFiles().filter((file) => file.endsWith('.test.ts') && left.test(contentOf(file)));
    expect(found.filter((file) => file !== 'test/house/lanes.test.ts')).toEqual([]);
  });

  it('no file names a limit of its own for a whole test: vitest.config.ts has the one for all, three minutes', () => {
    const limits = /^\s*\}, \d+_000\);$|^\s*[A-Z_]*SECONDS \* 1_000,$|\btest[T]imeout\b|\{\s*timeout: \d/m;
    const named = (file: string) => file.endsWith('.test.ts') && limits.test(contentOf(file));
    expect(files().filter(named)).toEqual([]);
    expect(contentOf('vitest.config.ts')).toContain('(FULL ? 900_000 : 180_000) * PATIENCE');
  });
});

it('files that wait are spread out between those that compute, and none is lost', () => {
  expect(spreadOut(['A', 'B'], ['1', '2', '3', '4', '5', '6'])).toEqual([
    'A',
    '1',
    '2',
    '3',
    'B',
    '4',
    '5',
    '6',
  ]);
  expect(spreadOut(['A', 'B', 'C'], ['1'])).toEqual(['A', 'B', '1', 'C']);
  expect(spreadOut([], ['1', '2'])).toEqual(['1', '2']);
  expect(spreadOut(['A'], [])).toEqual(['A']);
});

describe('the record of the long proofs', () => {
  const [one = '', other = ''] = filesOf('explorer');
  const proved = (file: string, errors: readonly string[] = []): ProvedFile => ({
    ...{ file, seconds: 4, passed: 3, skipped: 0, sizes: { states: 500 }, seeds: [7] },
    failures: errors.map((error) => ({ test: "says > (what's) wrong", error })),
  });
  const nothing: Proof = { commit: 'abc', node: 'v20', servers: {}, files: [] };

  it('goes on with what has not passed yet, and a later result takes the place of an earlier one', () => {
    const first = proofWith(nothing, [proved(one), proved(other, ['lost 1'])]);
    expect(filesLeft(nothing, ['explorer'])).toEqual([one, other]);
    expect(filesLeft(first, ['explorer'])).toEqual([other]);
    expect(filesLeft(proofWith(first, [proved(other)]), ['explorer'])).toEqual([]);
  });

  it('its table adds up each part, and each failure comes with the command that repeats it alone', () => {
    const lines = tableOf(proofWith(nothing, [proved(one), proved(other, ['lost 1'])]), ['explorer', 'soak']);
    expect(lines.map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'part files seconds failures size',
      'explorer 1 of 2 8 1 6 tests, 1000 states, seeds from 7',
      'soak 0 of 1 0 0 0 tests',
      `failed: ${other} › says > (what's) wrong — lost 1`,
      // vitest joins the names of groups and test with a blank.
      ` again: JDAY_PROOF=full npx vitest run ${other} -t 'says (> )?\\(what'\\''s\\) wrong'`,
    ]);
    const seeded = { ...proved(one), failures: [{ test: 'one of many', error: 'lost 1', seed: 9 }] };
    expect(tableOf(proofWith(nothing, [seeded]), ['explorer']).at(-1)).toBe(
      `  again: JDAY_SEED=9 JDAY_PROOF=full npx vitest run ${one}`,
    );
  });

  it('proves nothing by a run that failed though no test did, and forgets only the parts that run again', () => {
    const ended = [proved(one), proved(other)];
    expect(explained(ended, 0)).toEqual(ended);
    expect(filesLeft(proofWith(nothing, explained(ended, 1)), ['explorer'])).toEqual([one, other]);
    expect(filesLeft(proofWith(nothing, explained(ended, null)), ['explorer'])).toEqual([one, other]);
    // Where a test failed, the code says nothing of the other files.
    const failed = [proved(one), proved(other, ['lost 1'])];
    expect(explained(failed, 1)).toEqual(failed);
    const [soak = ''] = filesOf('soak');
    const both = proofWith(nothing, [proved(one), proved(soak)]);
    expect(proofWithout(both, ['explorer']).files.map(({ file }) => file)).toEqual([soak]);
  });
});

describe('the verdict of a run', () => {
  const file = (name: string, ...errors: readonly (string | null)[]): Results['testResults'][number] => ({
    ...{ name: `${process.cwd()}/test/${name}`, startTime: 0, endTime: 2_000, message: '' },
    status: errors.some((error) => error !== null) ? 'failed' : 'passed',
    assertionResults: errors.map((error, i) => ({
      fullName: `says ${i}`,
      status: error === null ? 'passed' : 'failed',
      failureMessages: error === null ? [] : [`${error}\n    at a line`],
    })),
  });
  const of = (...testResults: Results['testResults']): Results => ({ testResults });

  it('is green when every test passed', () => {
    expect(suiteVerdict(of(file('a', null, null)), null)).toEqual({
      passes: true,
      lines: ['2 passed, 0 failed, 0 skipped'],
    });
    expect(slowestFiles(of(file('a', null)))).toEqual(['2 s  test/a']);
  });

  it('names a file that failed once as flaky, and passes', () => {
    const first = of(file('a', null), file('b', 'Error: too late', null));
    expect(failedFiles(first)).toEqual(['test/b']);
    const { passes, lines } = suiteVerdict(first, of(file('b', null, null)));
    expect(passes).toBe(true);
    expect(lines.slice(-2)).toEqual([
      'flaky: test/b › says 0 — Error: too late',
      '3 passed, 0 failed, 0 skipped',
    ]);
  });

  it('names what failed twice, with its last error, and fails', () => {
    const { passes, lines } = suiteVerdict(
      of(file('b', 'Error: first', null)),
      of(file('b', 'Error: second', null)),
    );
    expect(passes).toBe(false);
    expect(lines.slice(-2)).toEqual([
      'failed: test/b › says 0 — Error: second',
      '1 passed, 1 failed, 0 skipped',
    ]);
  });

  it('fails where a failed file was not run again, or has no test that says why', () => {
    expect(suiteVerdict(of(file('b', 'Error: first')), null).passes).toBe(false);
    const broken = { ...file('c'), status: 'failed', message: 'Error: cannot be loaded\n at' };
    const { passes, lines } = suiteVerdict(of(broken), of(broken));
    expect(passes).toBe(false);
    expect(lines.slice(-2)).toEqual([
      'failed: test/c — Error: cannot be loaded',
      '0 passed, 1 failed, 0 skipped',
    ]);
  });

  it('fails with too many flaky files, without results, and without tests', () => {
    const names = Array.from({ length: MOST_FLAKY + 1 }, (_, i) => `f${i}`);
    const first = of(...names.map((name) => file(name, 'Error: too late')));
    const second = of(...names.map((name) => file(name, null)));
    expect(suiteVerdict(first, second).passes).toBe(false);
    expect(suiteVerdict(null, null).passes).toBe(false);
    expect(suiteVerdict(of(), null).passes).toBe(false);
  });
});
