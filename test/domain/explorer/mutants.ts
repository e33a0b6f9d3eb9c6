import {
  ABSENT,
  type Both,
  contentIn,
  nextStep,
  type Rules,
  type SideView,
} from '../../../domain/protocol/protocol.ts';
import { type Holding, land, type Landed, type Landing } from '../../../domain/protocol/landing.ts';
import { type Bounds, PROTOCOL, type Protocol } from './bounds.ts';

/** The protocol without one protection, and the narrowest bounds within which this breaks a law. */
export type Mutant = {
  readonly without: string;
  readonly bounds: Partial<Bounds>;
  readonly breaks: RegExp;
  readonly protocol: Protocol;
};

const mutant = (
  without: string,
  bounds: Partial<Bounds>,
  breaks: RegExp,
  change: Partial<Protocol>,
): Mutant => ({ without, bounds, breaks, protocol: { ...PROTOCOL, ...change } });

/** Lets a write pass: changes what it expects to what the server holds. */
const blind =
  (lie: (there: Holding, write: Landed) => Partial<Landed>) =>
  (there: Holding, write: Landed): Landing =>
    land(there, { ...write, ...lie(there, write) });

const looking =
  (lie: (seen: SideView, side: 'source' | 'target') => Partial<SideView>) =>
  (looks: Both<SideView>, rules: Rules) =>
    nextStep(
      {
        source: { ...looks.source, ...lie(looks.source, 'source') },
        target: { ...looks.target, ...lie(looks.target, 'target') },
      },
      rules,
    );

export const MUTANTS: readonly Mutant[] = [
  mutant('compare-and-set on the state', { writes: 2 }, /lost \(L2\)/, {
    land: blind(({ state }) => ({ expected: state })),
  }),
  mutant('absence in what is expected', { writes: 2 }, /lost \(L2\)/, {
    land: blind(({ state }, { expected }) => (expected === ABSENT ? { expected: state } : {})),
  }),
  mutant('the expiry in what is expected', { writes: 3, expiry: true }, /\(L2\)/, {
    land: blind(({ state }, { expected }) =>
      contentIn(state) === contentIn(expected) ? { expected: state } : {},
    ),
  }),
  mutant('the lease', { writes: 2, attempts: 2 }, /\(L2\)/, {
    land: blind(({ lease }) => ({ token: lease ?? 0 })),
  }),
  mutant('the lease on the source', { writes: 3, attempts: 2, empty: true }, /\(L2\)/, {
    land: blind(({ side, lease }, { token }) => ({ token: side === 'source' ? (lease ?? 0) : token })),
  }),
  mutant('the epoch', { writes: 2, flips: 1 }, /\(L1\)/, {
    land: blind(({ epoch }) => ({ epoch: epoch ?? 0 })),
  }),
  mutant('the ledger', { writes: 2 }, /\(L[23]\)/, { next: looking(() => ({ entry: null })) }),
  mutant('one atomic step for state and entry', { writes: 3, attempts: 2 }, /\(L2\)/, { atomic: false }),
  mutant('the newest of two entries', { writes: 3 }, /\(L[23]\)/, {
    next: (looks, rules) => {
      const { source, target } = looks;
      const oldest = source.entry && target.entry && source.entry.stamp > target.entry.stamp;
      return nextStep(oldest ? { ...looks, source: { ...source, entry: null } } : looks, rules);
    },
  }),
  mutant('the entry of two absences', { writes: 3 }, /older one \(L2\)/, {
    land: blind((_there, { state, other }) => (state === ABSENT && other === ABSENT ? { tail: null } : {})),
  }),
  mutant('the older entry forgotten first', { writes: 3 }, /\(L2\)/, {
    next: (looks, rules) => {
      const step = nextStep(looks, rules);
      const two = looks.source.entry !== null && looks.target.entry !== null;
      return step.do === 'forget' && two ? { ...step, on: step.on === 'source' ? 'target' : 'source' } : step;
    },
  }),
  mutant('the expiry that explains an absence', { writes: 3, expiry: true }, /\(L2\)/, {
    next: looking(() => ({ nowMs: 0 })),
  }),
  mutant('the mark of a key in hand', { writes: 2 }, /differ \(L2\)/, { marksInHand: false }),
  mutant('the drain before the flip', { writes: 2, flips: 1 }, /hands over/, { drains: false }),
  mutant('the scan before the drain', { writes: 2, attempts: 2, flips: 1 }, /hands over/, {
    drainsScan: false,
  }),
  mutant(
    'both marks of a key that a scan finds waiting',
    { writes: 3, attempts: 2, flips: 1 },
    /hands over/,
    {
      scanMarksBoth: false,
    },
  ),
  mutant('the poll before the flip', { writes: 2, flips: 1, silent: true }, /hands over/, {
    drainsSilent: false,
  }),
  mutant(
    'the answer to a stranger',
    { writes: 3, flips: 1, strangers: true },
    /goes over what serves \(L2\)/,
    { stray: (step) => step },
  ),
  mutant('the lease at the drain', { writes: 2, attempts: 2, flips: 1, zombies: true }, /hands over/, {
    drainsByLease: false,
  }),
  mutant('parked work looked at on both sides', { writes: 3, flips: 1, knows: true }, /differ \(L2\)/, {
    keepsParked: false,
  }),
  mutant(
    'the ledger asked by the copy',
    { writes: 2, attempts: 2, optimistic: true, empty: true },
    /\(L2\)/,
    {
      copyAsksLedger: false,
    },
  ),
];

/**
 * The protocol without the comparison of the ledger entry. While the lease holds and each key is in work only once, no
 * one else writes entries. So this comparison is only a second protection.
 */
export const WITHOUT_ENTRIES: Protocol = {
  ...PROTOCOL,
  land: blind(({ entry }) => ({ expectedEntry: entry })),
};
