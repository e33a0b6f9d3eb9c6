import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that use Temporal: whole migrations, verbs, workers. They take long, and wait a lot. */
export const WAITING =
  /^test\/(end-to-end\/|workflows\/|workers\/|servers\/(temporal-server|plain-environment)\.|client\/(verbs|temporal-tls|told-progress)\.)/;

/** Whole migrations. */
const WHOLE = /^test\/end-to-end\//;

/**
 * The order of the files. A file that waits comes between many that compute, so that two of them seldom run at once: a
 * migration goes on working while it waits, and two that share a core take more than twice as long. Whole migrations take
 * a minute, so they come first: one that begins last would run on alone.
 */
export class SpreadOut extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const are = (pattern: RegExp) => (spec: TestSpecification) =>
      pattern.test(relative(process.cwd(), spec.moduleId));
    const waiting = sorted.filter(are(WAITING));
    const whole = waiting.filter(are(WHOLE));
    return spreadOut(
      [...whole, ...waiting.filter((spec) => !whole.includes(spec))],
      sorted.filter((spec) => !waiting.includes(spec)),
    );
  }
}

/** Puts the items of the first list between those of the second, at equal distances. The first of all comes first. */
export function spreadOut<T>(few: readonly T[], many: readonly T[]): T[] {
  const apart = many.length / few.length;
  return few.length === 0
    ? [...many]
    : few.flatMap((one, i) => [one, ...many.slice(Math.round(i * apart), Math.round((i + 1) * apart))]);
}
