import { writeSync } from 'node:fs';
import { relative } from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

/**
 * Knows which tests run at the moment. When the run is told to end, by a limit on its time or by a person, it prints
 * them with the time that each has taken so far. Without this, nobody could tell which test has hung.
 */
export default class RunningTests implements Reporter {
  readonly #since = new Map<string, { readonly name: string; readonly fromMs: number }>();
  readonly #tell = () => {
    const nowMs = performance.now();
    for (const { name, fromMs } of this.#since.values())
      writeSync(1, `STILL RUNNING ${name} for ${Math.round((nowMs - fromMs) / 1_000)} s\n`);
  };

  onInit(): void {
    // Before those of vitest, which end the process.
    process.prependOnceListener('SIGTERM', this.#tell);
    process.prependOnceListener('SIGINT', this.#tell);
  }

  onTestModuleStart(module: TestModule): void {
    this.#begin(module.id, fileOf(module));
  }

  onTestModuleEnd(module: TestModule): void {
    this.#since.delete(module.id);
  }

  onTestCaseReady(test: TestCase): void {
    this.#begin(test.id, `${fileOf(test.module)} › ${test.fullName}`);
  }

  onTestCaseResult(test: TestCase): void {
    this.#since.delete(test.id);
  }

  /** The results in JSON have no error of a hook inside a group of tests, and none that belongs to no test. */
  onTestSuiteResult(suite: TestSuite): void {
    for (const { message } of suite.errors())
      writeSync(
        1,
        `SUITE FAILED ${fileOf(suite.module)} › ${suite.fullName} — ${message.split('\n', 1)[0]}\n`,
      );
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    for (const { message } of unhandled)
      writeSync(1, `UNHANDLED ${message.split('\n', 1)[0]} — an error that belongs to no test\n`);
    process.off('SIGTERM', this.#tell);
    process.off('SIGINT', this.#tell);
  }

  #begin(id: string, name: string): void {
    this.#since.set(id, { name, fromMs: performance.now() });
  }
}

const fileOf = (module: TestModule) => relative(process.cwd(), module.moduleId);
