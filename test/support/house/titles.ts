import { contentOf } from './repository.ts';

/** A quoted sentence right after `it(`, `test(` or `describe(`, also on the next line or after a table. */
const TITLE =
  /(?:\b(?:it|test|describe)(?:\s*\.\w+(?:\(\w+\))?)*\(|\]\)\(|\)\()\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Returns the titles of the tests of a file. The placeholders of tables stay as they are written. */
export function titlesOf(path: string): string[] {
  return [...contentOf(path).matchAll(TITLE)].map((found) => found[2]!);
}
