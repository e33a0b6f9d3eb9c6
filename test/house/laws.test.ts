import { expect, it } from 'vitest';
import { contentOf, places, repositoryFiles, sourceFiles, testFiles } from '../support/house/repository.ts';
import { titlesOf } from '../support/house/titles.ts';

/** The page of laws, and pages that quote titles of tests. */
const MAY_CITE = /^docs\/(laws|faults|races|decisions\/.*)\.md$/;
const LAWS = Array.from({ length: 15 }, (_, index) => `L${index + 1}`);
function cited(texts: readonly string[]): Set<string> {
  return new Set(texts.flatMap((text) => text.match(/\bL\d+\b(?![–-]L)/g) ?? []));
}

const missing = (present: ReadonlySet<string>) => LAWS.filter((law) => !present.has(law));

it('a law is cited by number in titles of tests and on the page of laws alone: elsewhere its meaning is said', () => {
  const prose = repositoryFiles().filter((path) => path.endsWith('.md') && !MAY_CITE.test(path));
  expect(places([...sourceFiles(), ...prose], /\bL\d+\b/)).toEqual([]);
});

it('every law is cited by number in the name of a test', () => {
  const titles = testFiles().flatMap(titlesOf);
  expect(missing(cited(titles))).toEqual([]);
});

it('no law is cited that does not exist', () => {
  const all = cited([...sourceFiles(), ...testFiles()].map(contentOf));
  expect([...all].filter((law) => !LAWS.includes(law))).toEqual([]);
});
