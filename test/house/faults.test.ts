/** What the page of faults says is proven must be: each step is the engine's, each test bears its title. */
import { expect, it } from 'vitest';
import { STEPS } from '../../redis/sync/step.ts';
import { contentOf } from '../support/repository.ts';
import { titlesOf } from '../support/titles.ts';

const page = () => contentOf('docs/faults.md');
const section = (from: string, to: string) => page().split(`## ${from}\n`)[1]!.split(`\n## ${to}`)[0]!;

it('every row of the table of faults names a test that exists', () => {
  const rows = section('Fault by fault', 'What it').match(/^\| (?!fault \||---).*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const [, path, title] = /`(test\/[^`]+)` “([^”]+)”/.exec(row) ?? [];
    expect(path === undefined ? row : titlesOf(path)).toContain(title);
  }
});

it('every step of an attempt is explained, and no other', () => {
  const table = section('The steps at which it is stopped', 'Fault by fault');
  const told = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(
    ([, cell]) => cell!.match(/[^`]+(?=`)/g) ?? [],
  );
  const names = told.map((name) => name.trim()).filter((name) => name !== '');
  const known = new Set(STEPS.map((step) => step.replace(/(apply|applied) (source|target)$/, '$1 …')));
  expect(new Set(names)).toEqual(known);
});
