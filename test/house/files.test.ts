import { expect, it } from 'vitest';
import { contentOf, repositoryFiles, sourceFiles, testFiles } from '../support/repository.ts';

const CONSTRUCTS =
  /(^|[-./])(utils?|helpers?|common|lib|misc|managers?|handlers?|types|interfaces|constants)([-./]|$)/;

const lineCount = (path: string) => contentOf(path).trimEnd().split('\n').length;

it('no file is longer than 250 lines', () => {
  const long = [...sourceFiles(), ...testFiles()].filter((path) => lineCount(path) > 250);
  expect(long).toEqual([]);
});

it('half of the source files have 90 lines or fewer', () => {
  const counts = sourceFiles()
    .map(lineCount)
    .sort((a, b) => a - b);
  expect(counts.length).toBeGreaterThan(0);
  expect(counts[Math.floor(counts.length / 2)]).toBeLessThanOrEqual(90);
});

it('a file or folder is named for its idea, never for a construct of the language', () => {
  expect(repositoryFiles().filter((path) => CONSTRUCTS.test(path))).toEqual([]);
});
