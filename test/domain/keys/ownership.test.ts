import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { interpolate } from '../../../domain/plan/environment.ts';
import { ownershipProblems } from '../../../domain/keys/key-map.ts';
import type { Dataset } from '../../../domain/plan/plan.ts';
import { dataset } from './dataset.ts';

const matches = dataset({ name: 'matches', patterns: ['match:*'] });
const nexten = (given: Parameters<typeof dataset>[0]) => dataset({ from: 'nexten', ...given });

describe('ownershipProblems', () => {
  it('has none for the shipped plan', () => {
    const file = readFileSync(new URL('../../../plans/supersmartmatch.yaml', import.meta.url), 'utf8');
    const plan = parse(interpolate(file, {})) as { datasets: readonly Parameters<typeof dataset>[0][] };
    expect(plan.datasets.length).toBeGreaterThan(5);
    expect(ownershipProblems(plan.datasets.map(dataset))).toEqual([]);
  });

  it.each<[string, readonly Dataset[]]>([
    ['patterns that share no key', [matches, dataset({ name: 'sessions', patterns: ['session:*'] })]],
    [
      'an overlap that an exclude takes away',
      [
        dataset({ name: 'matches', patterns: ['match:*'], excludes: ['match:result:*'] }),
        dataset({ name: 'results', patterns: ['match:result:*'] }),
      ],
    ],
    [
      'an overlap that two excludes take away together',
      [
        dataset({ name: 'matches', patterns: ['match:*'], excludes: ['match:[ab]', 'match:[^ab]'] }),
        dataset({ name: 'single', patterns: ['match:?'] }),
      ],
    ],
    [
      'the same keys of two stores under two names on V2',
      [
        dataset({ name: 'v1', patterns: ['m:*'], rename: { from: 'm:*', to: 'm:v1:*' } }),
        nexten({ name: 'nexten', patterns: ['m:*'], rename: { from: 'm:*', to: 'm:nexten:*' } }),
      ],
    ],
    [
      'a renamed overlap that an exclude on the source name takes away',
      [
        dataset({ name: 'v1', patterns: ['m:*'], excludes: ['m:x:*'], rename: { from: 'm:*', to: 'n:*' } }),
        nexten({ name: 'nexten', patterns: ['n:x:*'] }),
      ],
    ],
    [
      'an overlap among our own keys, which nobody owns',
      [dataset({ name: 'one', patterns: ['jday*'] }), dataset({ name: 'other', patterns: ['?day:*'] })],
    ],
  ])('has none for %s', (_what, datasets) => {
    expect(ownershipProblems(datasets)).toEqual([]);
  });

  it.each<[string, readonly Dataset[], string]>([
    [
      'a shared source key',
      [matches, dataset({ name: 'results', patterns: ['match:result:*'] })],
      'datasets matches and results could both own the source key "match:result:"',
    ],
    [
      'a shared target key of two stores',
      [matches, nexten({ name: 'cache', patterns: ['*:1'] })],
      'datasets matches and cache could both own the target key "match:1"',
    ],
    [
      'one source key that would go to two places',
      [
        dataset({ name: 'one', patterns: ['m:*'], rename: { from: 'm:*', to: 'a:*' } }),
        dataset({ name: 'other', patterns: ['m:*'], rename: { from: 'm:*', to: 'b:*' } }),
      ],
      'datasets one and other could both own the source key "m:"',
    ],
    [
      'a rename onto keys of another dataset',
      [matches, dataset({ name: 'old', patterns: ['old:*'], rename: { from: 'old:*', to: 'match:old:*' } })],
      'datasets matches and old could both own the target key "match:old:"',
    ],
    [
      'a rename that misses a pattern',
      [dataset({ name: 'm', patterns: ['m:*', 'n:*'], rename: { from: 'm:*', to: 'x:*' } })],
      'dataset m: the rename does not cover every key of "n:*"',
    ],
    [
      'a rename that an exact name is too short for',
      [dataset({ name: 'm', patterns: ['ab'], rename: { from: 'ab*b', to: 'x*' } })],
      'dataset m: the rename does not cover every key of "ab"',
    ],
    [
      'a rename without a variable part',
      [dataset({ name: 'm', patterns: ['m:*'], rename: { from: 'm:*', to: 'x' } })],
      'dataset m: both sides of a rename need exactly one *',
    ],
    [
      'a rename with two',
      [dataset({ name: 'm', patterns: ['m:*'], rename: { from: 'm:*:*', to: 'x:*' } })],
      'dataset m: both sides of a rename need exactly one *',
    ],
    [
      'an accent in brackets',
      [dataset({ name: 'm', patterns: ['caf[eé]'] })],
      'dataset m: brackets match single bytes, so no accents in "caf[eé]"',
    ],
    [
      'a dataset that asks for our own keys',
      [dataset({ name: 'm', patterns: ['jday:*'] })],
      'dataset m: no key can match "jday:*" beside the excludes and our own jday:*',
    ],
    [
      'a pattern that the excludes take away',
      [dataset({ name: 'm', patterns: ['m:*', 'tmp:?'], excludes: ['tmp:*'] })],
      'dataset m: no key can match "tmp:?" beside the excludes and our own jday:*',
    ],
  ])('tells of %s', (_what, datasets, problem) => {
    expect(ownershipProblems(datasets)).toEqual([problem]);
  });

  it('rather tells of an overlap than guess', () => {
    const hard = [
      dataset({ name: 'one', patterns: [`*a${'?'.repeat(20)}`] }),
      dataset({ name: 'other', patterns: [`*b${'?'.repeat(19)}`] }),
    ];
    expect(ownershipProblems(hard)).toHaveLength(1);
  });
});
