import { expect, it } from 'vitest';
import { contentOf, sourceFiles, testFiles } from '../support/repository.ts';
import { titlesOf } from '../support/titles.ts';

const LAWS = Array.from({ length: 14 }, (_, index) => `L${index + 1}`);
function cited(texts: readonly string[]): Set<string> {
  return new Set(texts.flatMap((text) => text.match(/\bL\d+\b(?![–-]L)/g) ?? []));
}

const missing = (present: ReadonlySet<string>) => LAWS.filter((law) => !present.has(law));

it('every law is cited by number in the code that upholds it', () => {
  expect(missing(cited(sourceFiles().map(contentOf)))).toEqual([]);
});

it('every law is cited by number in the name of a test', () => {
  const titles = testFiles().flatMap(titlesOf);
  expect(missing(cited(titles))).toEqual([]);
});

it('no law is cited that does not exist', () => {
  const all = cited([...sourceFiles(), ...testFiles()].map(contentOf));
  expect([...all].filter((law) => !LAWS.includes(law))).toEqual([]);
});
