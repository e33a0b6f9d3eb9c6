import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatcher } from '../../../domain/keys/glob.ts';
import { makeKeyMap, ownershipProblems } from '../../../domain/keys/key-map.ts';
import { type Dataset, otherSide, type Side } from '../../../domain/plan/plan.ts';
import { dataset } from './dataset.ts';

const matches = dataset({ name: 'matches', patterns: ['match:*'], excludes: ['match:result:*'] });
const sessions = dataset({ name: 'sessions', patterns: ['session:*'] });
const metrics = dataset({
  name: 'metrics',
  patterns: ['metrics:*', 'metrics:[ab]?:é*'],
  excludes: ['metrics:v1:tmp:*', '*:lock'],
  rename: { from: 'metrics:*', to: 'metrics:v1:*' },
});
const suffixed = dataset({
  name: 'suffixed',
  patterns: ['w:*:x', 'w:a?:x', 'w:[ab]:x'],
  rename: { from: 'w:*:x', to: 's:*[v1]' },
});
const map = makeKeyMap([matches, sessions, metrics]);
const latin1 = (text: string) => Buffer.from(text).toString('latin1');

describe('a key map', () => {
  it.each<[Side, string, string | null]>([
    ['source', 'match:1', 'matches'],
    ['target', 'match:1', 'matches'],
    ['source', 'match:result:1', null],
    ['target', 'match:result:1', null],
    ['source', 'metrics:day', 'metrics'],
    ['target', 'metrics:v1:day', 'metrics'],
    ['target', 'metrics:day', null],
    ['source', 'metrics:day:lock', null],
    ['target', 'metrics:v1:day:lock', null],
    ['source', 'metrics:tmp:1', null], // excluded by its name on V2
    ['target', 'metrics:v1:tmp:1', null],
    ['source', 'metrics:v1:tmp:1', null], // excluded by its own name
    ['source', 'other', null],
    ['source', '', null],
  ])('on the %s side %j belongs to %s', (side, key, owner) => {
    expect(map.owner(side, key)?.name ?? null).toBe(owner);
  });

  it('never gives out a key of ours, whatever the patterns say (L6)', () => {
    const greedy = makeKeyMap([dataset({ name: 'all', patterns: ['*'] })]);
    const renamed = makeKeyMap([
      dataset({ name: 'all', patterns: ['*'], rename: { from: '*', to: 'jday:*' } }),
    ]);
    expect(greedy.owner('source', 'jday:authority')).toBeNull();
    expect(greedy.owner('target', 'jday:authority')).toBeNull();
    expect(greedy.owner('source', 'jday')?.name).toBe('all');
    expect(renamed.owner('source', 'a')).toBeNull();
    expect(renamed.owner('target', 'jday:a')).toBeNull();
  });

  it('names a key on the other side, and back', () => {
    expect(map.counterpart(metrics, 'source', 'metrics:day')).toBe('metrics:v1:day');
    expect(map.counterpart(metrics, 'target', 'metrics:v1:day')).toBe('metrics:day');
    expect(map.counterpart(sessions, 'source', 'session:\xff\x00')).toBe('session:\xff\x00');
  });

  it('keeps a key that does not fit the rename out of the error it throws (L12)', () => {
    expect(() => map.counterpart(metrics, 'target', 'secret')).toThrow(/dataset metrics/);
    expect(() => map.counterpart(metrics, 'target', 'secret')).not.toThrow(/secret/);
  });

  it('has one owner and one counterpart for a key, seen from both sides', () => {
    const datasets = [matches, metrics, suffixed];
    expect(ownershipProblems(datasets)).toEqual([]);
    const both = makeKeyMap(datasets);
    const part = fc.constantFrom(
      'match:',
      'metrics:',
      'result:',
      'v1:',
      'tmp:',
      'a',
      'b0:',
      latin1('é'),
      ':lock',
      'w:',
      ':x',
      '[v1]',
      's:',
      '\xff',
    );
    const key = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(key, fc.constantFrom<Side>('source', 'target'), (name, side) => {
        const owner = both.owner(side, name);
        fc.pre(owner !== null);
        const other = both.counterpart(owner as Dataset, side, name);
        expect(both.owner(otherSide(side), other)).toBe(owner);
        expect(both.counterpart(owner as Dataset, otherSide(side), other)).toBe(name);
        expect(both.patterns(owner as Dataset, side).some((pattern) => globMatcher(pattern)(name))).toBe(
          true,
        );
        expect(both.prefixes(side).some((prefix) => name.startsWith(prefix))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('scans the target by renamed patterns, literal parts escaped', () => {
    expect(map.patterns(metrics, 'source')).toEqual(['metrics:*', latin1('metrics:[ab]?:é*')]);
    expect(map.patterns(metrics, 'target')).toEqual(['metrics:v1:*', latin1('metrics:v1:[\\a\\b]?:é*')]);
    expect(makeKeyMap([dataset({ ...suffixed, patterns: ['w:*:x'] })]).patterns(suffixed, 'target')).toEqual([
      's:*\\[v1\\]',
    ]);
  });

  it('closes a bracket that the pattern left open before it puts something behind it', () => {
    const open = dataset({ name: 'open', patterns: ['w:[ab'], rename: { from: 'w:*', to: '*:v1' } });
    expect(makeKeyMap([open]).patterns(open, 'target')).toEqual(['[\\a\\b]:v1']);
  });

  it('tracks the fewest prefixes that do not overlap', () => {
    expect(map.prefixes('source')).toEqual(['match:', 'session:', 'metrics:']);
    expect(map.prefixes('target')).toEqual(['match:', 'session:', 'metrics:v1:']);
    const overlapping = dataset({ name: 'all', patterns: ['ab*', 'a?c', 'abc:*', 'b[x]*', 'b\\**'] });
    expect(makeKeyMap([overlapping]).prefixes('source')).toEqual(['a', 'b']);
    expect(makeKeyMap([overlapping, dataset({ name: 'any', patterns: ['?:*'] })]).prefixes('source')).toEqual(
      [''],
    );
    expect(makeKeyMap([]).prefixes('source')).toEqual([]);
  });

  it('refuses a rename that cannot be mapped back', () => {
    const broken = { ...metrics, rename: { from: 'metrics:*', to: '*:*' } };
    expect(() => makeKeyMap([broken])).toThrow(/metrics/);
    expect(() => makeKeyMap([{ ...metrics, patterns: ['*'] }])).toThrow(/metrics/);
    expect(() => makeKeyMap([metrics]).patterns(sessions, 'source')).toThrow(/sessions/);
  });
});
