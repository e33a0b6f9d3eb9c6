import { configDefaults, defineConfig } from 'vitest/config';
import { FULL, PARTS, quarantined } from './test/lanes/proofs.ts';
import { SpreadOut } from './test/lanes/spread-out.ts';
import { PATIENCE } from './test/support/patience.ts';

/** A test that takes longer hangs. A quiet machine needs a fifth of it at most, and the long proofs take longer. */
const TEST_MS = (FULL ? 900_000 : 180_000) * PATIENCE;

const leftOut = [
  ...(FULL ? [] : Object.values(PARTS).flatMap(({ onlyInProve }) => onlyInProve)),
  ...quarantined.map(({ file }) => file),
];

/** `.ci/run` and `npm run prove` each name a file here, and read the results from it. */
const results = process.env['JDAY_TEST_RESULTS'];
const proofs = process.env['JDAY_PROOF_RESULTS'];

type WithOptions = [string, Record<string, unknown>];
const toFiles: WithOptions[] = [
  ...(results === undefined ? [] : [['json', { outputFile: results }] satisfies WithOptions]),
  ...(proofs === undefined ? [] : [['./test/lanes/proof-reporter.ts', { to: proofs }] satisfies WithOptions]),
];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...leftOut],
    pool: 'forks',
    // To import the modules costs more than most tests. So the files of one worker share what they have imported.
    isolate: false,
    // Two more than there are cores: many tests wait for timeouts of the servers and of Temporal.
    maxWorkers: 4,
    sequence: { sequencer: SpreadOut },
    globalSetup: [
      'test/support/no-leaks.ts',
      'test/support/processes/bundle-programs.ts',
      'test/support/servers/temporal-for-all.ts',
    ],
    setupFiles: ['test/support/file-leaks.ts'],
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
    reporters: ['default', './test/support/running-tests.ts', ...toFiles],
  },
});
