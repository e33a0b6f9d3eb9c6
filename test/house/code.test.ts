import { expect, it } from 'vitest';
import { places, repositoryFiles, sourceFiles, testFiles } from '../support/house/repository.ts';

const typescript = () => [...sourceFiles(), ...testFiles()].filter((path) => path.endsWith('ts'));
const everyText = () =>
  repositoryFiles().filter(
    (path) => !/\.(png|rdb|gz|zip|ico)$/.test(path) && !path.startsWith('test/workflows/histories/'),
  );

it('nothing in the code is typed `any`', () => {
  expect(places(typescript(), /(?::|\bas|<|\|) any\b(?! [a-z])|<any[,>]|\bany\[\]/)).toEqual([]);
});

it('no check of the compiler is switched off', () => {
  expect(places(typescript(), /@ts-(?:ignore|nocheck|expect-error)/)).toEqual([]);
});

it('nothing is left for later in a comment', () => {
  expect(places(everyText(), /\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X))\b/)).toEqual([]);
});

it('no KEYS and no FLUSH command is ever sent (L6)', () => {
  // This file names the commands to look for them in the servers' own statistics.
  const sources = sourceFiles().filter((path) => path !== 'rehearsal/check/servers.ts');
  const asMethod = /(?<!Object|Reflect)\.(?:keys(?:Buffer)?\((?!\))|flush(?:all|db)\()/i;
  const asWord = /^(?!\s*(?:\*|\/[*/])).*(['"`])(?:keys|flush(?:all|db))\1/i;
  expect([...places(sources, asMethod), ...places(sources, asWord)]).toEqual([]);
});

it('no path of a developer’s machine and no registry host is named', () => {
  const machine = /(?:^|[\s"'`(=])\/(?:work|root|Users)\/|\/home\/(?!node\b)[a-z]/;
  const registry =
    /registry\.(?:npmjs|yarnpkg)|py(?:pi)\.org|python(?:hosted)|deb\.(?:debian)\.org|"resolve[d]":/;
  expect([...places(everyText(), machine), ...places(everyText(), registry)]).toEqual([]);
});

it('no document is cited that a reader does not have', () => {
  expect(places(everyText(), /\bdesign [§]|\.\.\/[s]hared\b/i)).toEqual([]);
});
