import { contentOf } from './repository.ts';

/** A quoted sentence right after `it(` and its kin, also on the next line or behind a table. */
const TITLE = /(?:\b(?:it|test|describe)(?:\.\w+)*\(|\]\)\(|\)\()\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Names of the tests of a file, placeholders of tables as written. */
export function titlesOf(path: string): string[] {
  return [...contentOf(path).matchAll(TITLE)].map((found) => found[2]!);
}
