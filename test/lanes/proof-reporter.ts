import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { ProofFailure, ProvedFile } from './proof.ts';

/**
 * Writes what each file has proved as a line of JSON, as soon as the file ends. So a proof that is stopped halfway keeps
 * what it has.
 */
export default class ProofReporter implements Reporter {
  readonly #to: string;

  /** @param to the file that gets the lines */
  constructor({ to }: { readonly to: string }) {
    this.#to = to;
  }

  onTestModuleEnd(module: TestModule): void {
    appendFileSync(this.#to, `${JSON.stringify(provedBy(module))}\n`);
  }
}

function provedBy(module: TestModule): ProvedFile {
  const tests = [...module.children.allTests()];
  const groups = [...module.children.allSuites()];
  const metas = tests.map((test) => test.meta());
  const sizes: Record<string, number> = {};
  for (const [unit, many] of metas.flatMap(({ proved = {} }) => Object.entries(proved)))
    sizes[unit] = (sizes[unit] ?? 0) + many;
  return {
    file: relative(process.cwd(), module.moduleId),
    seconds: Math.round(module.diagnostic().duration / 1_000),
    passed: countOf(tests, 'passed'),
    skipped: countOf(tests, 'skipped'),
    failures: [
      ...tests.filter((test) => test.result().state === 'failed').map(failureOf),
      ...groups.flatMap((group) =>
        group.errors().map(({ message }) => ({ test: group.fullName, error: firstLine(message) })),
      ),
      ...module.errors().map(({ message }) => ({ test: '', error: firstLine(message) })),
    ],
    sizes,
    seeds: metas.flatMap(({ seed }) => seed ?? []),
  };
}

const countOf = (tests: readonly TestCase[], state: 'passed' | 'skipped') =>
  tests.filter((test) => test.result().state === state).length;

function failureOf(test: TestCase): ProofFailure {
  const { seed } = test.meta();
  const error = firstLine(test.result().errors?.[0]?.message ?? 'no error');
  return { test: test.fullName, error, ...(seed !== undefined && { seed }) };
}

const firstLine = (text: string) => text.split('\n', 1)[0]!.slice(0, 400);
