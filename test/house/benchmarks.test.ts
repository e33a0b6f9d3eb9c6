import { expect, it } from 'vitest';
import { allScenarios } from '../../bench/all-scenarios.ts';
import { benchmarkTables, withTables } from '../../bench/report.ts';
import { keptResults } from '../../bench/results.ts';
import { contentOf } from '../support/house/repository.ts';

const page = () => contentOf('docs/benchmarks.md');

it('the tables of docs/benchmarks.md are those that the kept results give', () => {
  expect(page()).toBe(withTables(page(), benchmarkTables(keptResults())));
});

it('docs/benchmarks.md names every group of scenarios, and no other', () => {
  const groups = new Set(allScenarios({ quick: false, keys: 1, seconds: 1 }).map(({ group }) => group));
  const [named = ''] = /^Groups for `--only`: ([^;]+);/m.exec(page())?.slice(1) ?? [];
  expect(new Set([...named.matchAll(/`([^`]+)`/g)].map(([, group]) => group))).toEqual(groups);
});

it('no kept result names a machine, a path or a host (L12)', () => {
  for (const result of keptResults())
    expect(JSON.stringify(result)).not.toMatch(/\/(?:home|root|tmp|work)\/|127\.0\.0\.1|localhost/);
});
