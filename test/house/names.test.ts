import { expect, it } from 'vitest';
import { contentOf, sourceFiles } from '../support/house/repository.ts';

const EXPORTED =
  /^export (?:default )?(?:async )?(?:declare )?(?:abstract )?(?:const|let|function\*?|class|type|interface|enum) (\w+)/gm;

it('an exported name means one thing in the whole project', () => {
  const files = new Map<string, Set<string>>();
  for (const path of sourceFiles().filter((path) => path.endsWith('.ts')))
    for (const [, name] of contentOf(path).matchAll(EXPORTED)) {
      const known = files.get(name as string) ?? new Set<string>();
      files.set(name as string, known.add(path));
    }
  expect(files.size).toBeGreaterThan(500);
  const twice = [...files].filter(([, paths]) => paths.size > 1);
  expect(Object.fromEntries(twice.map(([name, paths]) => [name, [...paths]]))).toEqual({});
});
