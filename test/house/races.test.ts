/** What the page of races says is proven must be: each test bears its title. */
import { expect, it } from 'vitest';
import { contentOf } from '../support/repository.ts';
import { titlesOf } from '../support/titles.ts';

it('every row of the table of races names a test that exists', () => {
  const rows = contentOf('docs/races.md').match(/^\| (?!race \|).*“.*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const [, path, title] = /`(test\/[^`]+)` “([^”]+)”/.exec(row) ?? [];
    expect(path === undefined ? row : titlesOf(path)).toContain(title);
  }
});
