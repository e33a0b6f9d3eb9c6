/**
 * The points of an attempt between two of its effects, in the order of its life and of the protocol for one key
 * (design §5): where a kill, a stall or a cut must change nothing but the time (L8).
 *
 * - An attempt begins: lease on both sides, then the feeds, then the scan.
 * - A batch of keys: (1) read, decided, (2–4) state and ledger entry in one atomic step; or quarantined.
 * - Beside them: what is known of the servers, and the answer to a drain.
 */
export const STEPS = [
  'lease taken',
  'feed open',
  'own keys noted',
  'scan target',
  'datasets adopted',
  'scan source',
  'scanned',
  'keys read',
  'drafted',
  'before apply source',
  'before apply target',
  'applied source',
  'applied target',
  'quarantined',
  'witness saved',
  'drain barrier',
  'drained',
] as const;

/** Those of a large key, in its own lane, beside the ones above. */
export const LARGE_STEPS = ['shadow built'] as const;

export type Step = (typeof STEPS)[number] | (typeof LARGE_STEPS)[number];

/** Called when an attempt comes to a step, before it goes on. Absent outside of tests. */
export type Reached = (step: Step) => void | Promise<void>;
