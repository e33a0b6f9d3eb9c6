/** Checks docs/races.md: each test that it names exists. */
import { expect, it } from 'vitest';
import { contentOf } from '../support/house/repository.ts';
import { titlesOf } from '../support/house/titles.ts';

it('every row of the table of races names a test that exists', () => {
  const rows = contentOf('docs/races.md').match(/^\| (?!race \|).*“.*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const [, path, title] = /`(test\/[^`]+)` “([^”]+)”/.exec(row) ?? [];
    expect(path === undefined ? row : titlesOf(path)).toContain(title);
  }
});
