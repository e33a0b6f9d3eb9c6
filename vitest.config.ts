import { readdirSync, readFileSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';
import { FULL, PARTS } from './test/lanes/proofs.ts';
import { PATIENCE } from './test/support/patience.ts';

/** A test that takes longer hangs. A quiet machine needs a fifth of it at most. */
const TEST_MS = 180_000 * PATIENCE;

/** Folders of test/ that hold no tests. */
const WITHOUT_TESTS = ['support', 'lanes'];
const quarantined = JSON.parse(
  readFileSync(new URL('./test/lanes/quarantine.json', import.meta.url), 'utf8'),
) as readonly { readonly file: string }[];
const leftOut = [
  ...(FULL ? [] : Object.values(PARTS).flatMap(({ alone }) => alone)),
  ...quarantined.map(({ file }) => file),
];

/** Each folder of test/ is a project, so that `npx vitest run --project domain` pays for nothing else. */
const projects = readdirSync(new URL('./test/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !WITHOUT_TESTS.includes(entry.name))
  .map(({ name }) => ({
    test: {
      name,
      pool: 'forks' as const,
      include: [`test/${name}/**/*.test.ts`],
      exclude: [...configDefaults.exclude, ...leftOut],
      setupFiles: ['test/support/file-leaks.ts'],
      testTimeout: TEST_MS,
      hookTimeout: TEST_MS,
    },
  }));

const RUNNING_TESTS = './test/support/running-tests.ts';
/** `.ci/run` names a file here and reads the results from it. */
const results = process.env['JDAY_TEST_RESULTS'];

export default defineConfig({
  test: {
    // One more than there are cores: many tests wait for timeouts of the servers and of Temporal.
    maxWorkers: 3,
    // The projects do not extend this part: they would run its globalSetup again, each for itself.
    globalSetup: ['test/support/no-leaks.ts', 'test/support/servers/temporal-for-all.ts'],
    reporters:
      results === undefined
        ? ['default', RUNNING_TESTS]
        : ['default', RUNNING_TESTS, ['json', { outputFile: results }]],
    projects,
  },
});
