import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentOf, repositoryFiles, sourceFiles, testFiles } from '../support/house/repository.ts';

const CONSTRUCTS = /(^|[-./])(utils?|helpers?|common|lib|misc|managers?|interfaces|constants)([-./]|$)/;

/** Folders in which each file is one entry of a list. A reader of one entry does not need the others. */
const REGISTRIES =
  /^(docs(\/decisions)?|redis\/preflight\/checks|monitoring\/(families|grafana)|bench\/(scenarios|processes))$/;
/** Files that list all modules of a kind. A short module may have such a list as its only importer. */
const LISTS = /^(activities\/index|workflows\/index|bench\/(all-scenarios|main))\.ts$/;

const lineCount = (path: string) => contentOf(path).trimEnd().split('\n').length;

const modules = () => sourceFiles().filter((path) => path.endsWith('.ts'));

describe('a module is one thing that a person can name', () => {
  it('no file is longer than 350 lines', () => {
    const long = [...sourceFiles(), ...testFiles()].filter((path) => lineCount(path) > 350);
    expect(long).toEqual([]);
  });

  it('the modules of the product are neither splinters nor heaps: their median is 90 to 140 lines', () => {
    const counts = modules()
      .filter((path) => /^(redis|domain|workflows|client)\//.test(path))
      .map(lineCount)
      .sort((a, b) => a - b);
    const median = counts[Math.floor(counts.length / 2)];
    expect(median).toBeGreaterThanOrEqual(90);
    expect(median).toBeLessThanOrEqual(140);
  });

  it('a file under 40 lines has two importers, or is an entry of a registry', () => {
    const importers = importersOf();
    const splinters = modules().filter((path) => {
      const from = importers.get(path) ?? [];
      const [only, another] = from;
      // A file without an importer is run by itself, or its text is given to something else.
      if (only === undefined || another !== undefined || lineCount(path) >= 40) return false;
      return !REGISTRIES.test(dirname(path)) && !LISTS.test(only);
    });
    expect(splinters).toEqual([]);
  });

  it('no folder holds more than 20 files beside each other', () => {
    const counts = new Map<string, number>();
    for (const path of repositoryFiles()) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    const full = [...counts].filter(([folder, count]) => count > 20 && !REGISTRIES.test(folder));
    expect(full).toEqual([]);
  });

  it('a file or folder is named for its idea, never for a construct of the language', () => {
    expect(repositoryFiles().filter((path) => CONSTRUCTS.test(path))).toEqual([]);
  });
});

/** Which source files import a source file, by its path. */
function importersOf(): ReadonlyMap<string, readonly string[]> {
  const importers = new Map<string, string[]>();
  for (const path of sourceFiles())
    for (const [, to] of contentOf(path).matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)) {
      const imported = normalize(join(dirname(path), to as string));
      importers.set(imported, [...(importers.get(imported) ?? []), path]);
    }
  return importers;
}
