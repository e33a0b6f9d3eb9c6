import { expect, it } from 'vitest';
import { contentOf, sourceFiles, testFiles } from '../support/repository.ts';

const LAWS = Array.from({ length: 14 }, (_, index) => `L${index + 1}`);
/** A quoted sentence right after `it(` and its kin, also on the next line or behind a table. */
const TITLE = /(?:\b(?:it|test|describe)(?:\.\w+)*\(|\]\)\(|\)\()\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

function cited(texts: readonly string[]): Set<string> {
  return new Set(texts.flatMap((text) => text.match(/\bL\d+\b(?![–-]L)/g) ?? []));
}

const missing = (present: ReadonlySet<string>) => LAWS.filter((law) => !present.has(law));

it('every law is cited by number in the code that upholds it', () => {
  expect(missing(cited(sourceFiles().map(contentOf)))).toEqual([]);
});

it('every law is cited by number in the name of a test', () => {
  const titles = testFiles().flatMap((path) =>
    [...contentOf(path).matchAll(TITLE)].map((found) => found[2]!),
  );
  expect(missing(cited(titles))).toEqual([]);
});

it('no law is cited that does not exist', () => {
  const all = cited([...sourceFiles(), ...testFiles()].map(contentOf));
  expect([...all].filter((law) => !LAWS.includes(law))).toEqual([]);
});
