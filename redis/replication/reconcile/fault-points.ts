/**
 * The points between two effects of an attempt, in the order in which it comes to them. Tests kill, stall or cut off an
 * attempt at each point. That may cost time and must change nothing else.
 *
 * - An attempt begins: it takes the lease on both sides, opens the feeds, then scans.
 * - A batch of keys: it is read and decided. Then each key is put in quarantine, or its state and ledger entry are
 *   written in one atomic step.
 * - Beside these: the watermark is written, and a drain is answered.
 */
export const FAULT_POINTS = [
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

/** The points of the large-key loop, besides the ones above. */
export const LARGE_FAULT_POINTS = ['shadow built'] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number] | (typeof LARGE_FAULT_POINTS)[number];

/** An attempt calls this at each point and waits for it. Only tests set it. */
export type Reached = (step: FaultPoint) => void | Promise<void>;
