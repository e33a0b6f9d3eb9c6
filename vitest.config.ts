import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const DEFAULT_SECONDS = 30;
const SECONDS: Readonly<Record<string, number>> = {
  house: 120,
  client: 60,
  workers: 120,
  monitoring: 120,
  'end-to-end': 240,
};

/** Each folder of test/ is a project, so that `npx vitest run --project domain` pays for nothing else. */
const projects = readdirSync(new URL('./test/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'support')
  .map(({ name }) => ({
    test: {
      name,
      pool: 'forks' as const,
      include: [`test/${name}/**/*.test.ts`],
      setupFiles: ['test/support/file-leaks.ts'],
      testTimeout: (SECONDS[name] ?? DEFAULT_SECONDS) * 1_000,
      hookTimeout: 60_000,
    },
  }));

export default defineConfig({
  test: {
    // One more than there are cores: many tests wait for timeouts of the servers and of Temporal.
    maxWorkers: 3,
    // The projects do not extend this part: they would run its globalSetup again, each for itself.
    globalSetup: ['test/support/no-leaks.ts', 'test/support/servers/temporal-for-all.ts'],
    projects,
  },
});
