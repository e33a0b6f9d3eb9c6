/**
 * The phases in the order in which they run. The order is the product: backup before the first write, the way
 * back proven (readiness) before sessions move, everything green before the fence.
 */
export const PHASES = [
  'preflight',
  'backup',
  'copy',
  'sync',
  'readiness',
  'sessions',
  'validation',
  'approval',
  'cutover',
  'watch',
  'complete',
] as const;

export type Phase = (typeof PHASES)[number];

/** How a migration ended: `aborted` before the flip, `rolled-back` after it. */
export type Outcome = 'completed' | 'aborted' | 'rolled-back';

/** The decisions a person may have to take, in the order in which they come up. */
export const APPROVALS = ['readiness', 'cutover', 'complete'] as const;
export type Approval = (typeof APPROVALS)[number];
