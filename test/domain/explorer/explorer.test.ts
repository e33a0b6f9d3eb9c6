import { describe, expect, test } from 'vitest';
import { FULL } from '../../lanes/proofs.ts';
import type { Bounds } from './bounds.ts';
import { MUTANTS, WITHOUT_ENTRIES } from './mutants.ts';
import { exploreProtocol } from './protocol-moves.ts';

const NARROW: Bounds = {
  ...{ writes: 2, attempts: 1, flips: 0, expiry: false, again: false },
  ...{ optimistic: false, knows: false, zombies: false, empty: false, strangers: false, silent: false },
};

const print = (trace: readonly string[]) => trace.map((line) => `\n  ${line}`).join('');

type Case = readonly [what: string, bounds: Partial<Bounds>, states: number];

/** These take seconds. Each kind of event is in one of them. */
const SMALL: readonly Case[] = [
  [
    'expiries, a cutover, and what an attempt knows',
    { writes: 2, flips: 1, knows: true, expiry: true },
    34_979,
  ],
  [
    'values that come back, and the optimistic copy',
    { writes: 3, again: true, optimistic: true, knows: true },
    14_716,
  ],
  ['a kill with a late last write', { writes: 3, attempts: 2, optimistic: true, knows: true }, 70_129],
  ['two kills', { attempts: 3, knows: true }, 6_968],
  ['a kill, cutover and rollback', { attempts: 2, flips: 2, optimistic: true, knows: true }, 29_994],
  ['strangers on the source after the flip', { writes: 3, flips: 1, knows: true, strangers: true }, 44_472],
  ['strangers, a kill and a rollback', { writes: 2, attempts: 2, flips: 2, strangers: true }, 46_532],
  [
    'writes without an event, a kill and a rollback',
    { attempts: 2, flips: 2, silent: true, knows: true },
    33_950,
  ],
  [
    'a zombie that goes on reading and deciding, expiries and a cutover',
    { writes: 1, attempts: 2, flips: 1, zombies: true, expiry: true },
    22_000,
  ],
];
/** The same with one more write. */
const LARGE: readonly Case[] = [
  ['two writes, a zombie that goes on reading and deciding', { attempts: 2, zombies: true }, 162_697],
  [
    'three writes, expiries, a cutover, and what an attempt knows',
    { writes: 3, flips: 1, knows: true, expiry: true },
    1_061_653,
  ],
  [
    'four writes, values that come back, and the optimistic copy',
    { writes: 4, again: true, optimistic: true, knows: true },
    227_134,
  ],
  [
    'three writes, strangers, a kill and a rollback',
    { writes: 3, attempts: 2, flips: 2, strangers: true },
    927_110,
  ],
];

describe('L1 L2 L3 L4: no interleaving breaks a law', () => {
  test.for([...SMALL, ...(FULL ? LARGE : [])])('%s', ([_what, bounds, states], { task }) => {
    const { broken, states: reached } = exploreProtocol({ ...NARROW, ...bounds });
    expect(broken && print(broken.trace)).toBeNull();
    // Counted, so that the bounds cannot shrink unseen.
    expect(reached).toBe(states);
    task.meta.proved = { states };
  });
});

describe('each protection taken away breaks a law', () => {
  test.each(MUTANTS)('without $without', ({ bounds, protocol, breaks }) => {
    const { broken } = exploreProtocol({ ...NARROW, ...bounds }, protocol);
    expect(broken?.law, 'nothing broke').toMatch(breaks);
    expect(broken?.trace.at(-1)).toBe(`=> ${broken?.law}`);
  });

  test('but the comparison of the entry, a second line behind the lease and the one hand', () => {
    expect(exploreProtocol({ ...NARROW, attempts: 2 }, WITHOUT_ENTRIES).broken).toBeNull();
  });
});
