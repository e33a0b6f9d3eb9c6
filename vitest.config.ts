import { defineConfig } from 'vitest/config';

/** A project for each folder of test/, so that `npx vitest run --project domain` pays for nothing else. */
const LIMIT_SECONDS = {
  domain: 30,
  redis: 30,
  activities: 30,
  workflows: 30,
  workers: 30,
  client: 30,
  servers: 30,
  monitoring: 60,
  rehearsal: 30,
  house: 60,
  'end-to-end': 120,
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    globalSetup: ['test/support/no-leaks.ts', 'test/support/temporal-for-all.ts'],
    // The projects do not extend this one: they would run its globalSetup again, each for itself.
    projects: Object.entries(LIMIT_SECONDS).map(([name, seconds]) => ({
      test: {
        name,
        pool: 'forks' as const,
        include: [`test/${name}/**/*.test.ts`],
        setupFiles: ['test/support/file-leaks.ts'],
        testTimeout: seconds * 1_000,
        hookTimeout: 60_000,
      },
    })),
  },
});
