import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';

/**
 * The fault points that an attempt reaches, by mode: in its first copy, while live, at the beginning of a later attempt
 * (which reads every key again), and during a drain. The list of a mode contains only the points that this mode
 * reaches.
 */
export const POINTS = {
  /**
   * The order lets a walk reach every point, although it breaks off an attempt at each of them. `own keys noted` comes
   * first. The record of the baseline keys is completed only once, and no later attempt reaches this point again.
   */
  copy: [
    'own keys noted',
    'lease taken',
    'feed open',
    'scan target',
    'keys read',
    'drafted',
    'before apply target',
    'applied target',
    'before apply source',
    'applied source',
    'quarantined',
    'shadow built',
    'witness saved',
    'datasets adopted',
    'scan source',
    'scanned',
  ],
  live: [
    'keys read',
    'drafted',
    'before apply source',
    'before apply target',
    'applied source',
    'applied target',
    'quarantined',
    'shadow built',
    'witness saved',
  ],
  again: ['lease taken', 'feed open', 'scan target', 'datasets adopted', 'scan source', 'scanned'],
  drain: [
    'keys read',
    'drafted',
    'before apply source',
    'before apply target',
    'applied source',
    'applied target',
    'quarantined',
    'shadow built',
    'witness saved',
    'drain barrier',
    'drained',
  ],
} as const satisfies Readonly<Record<string, readonly FaultPoint[]>>;

export type Mode = keyof typeof POINTS;
export type StepOf<M extends Mode> = (typeof POINTS)[M][number];
export type Point = { readonly [M in Mode]: { readonly mode: M; readonly step: StepOf<M> } }[Mode];
/** Returns the points of these modes, in their order. */
export function pointsIn(...modes: readonly Mode[]): readonly Point[] {
  return modes.flatMap((mode) => POINTS[mode].map((step) => ({ mode, step }) as Point));
}

/** What `npm test` strikes with a fault that the long proofs strike with at every point. */
export const FEW_POINTS = [
  { mode: 'live', step: 'applied target' },
  { mode: 'drain', step: 'drain barrier' },
] as const satisfies readonly Point[];

/** Each step once: the points of these modes whose step the copy does not reach, too. */
export function beyondCopy(...modes: readonly Mode[]): readonly Point[] {
  const ofCopy: readonly string[] = POINTS.copy;
  return pointsIn(...modes).filter(({ step }) => !ofCopy.includes(step));
}

/** Every point, in an order in which one process can reach them all. */
export const EVERY_POINT = pointsIn(...(Object.keys(POINTS) as Mode[]));

/** The faults that strike at every point, and at every step of a switch. */
export const FAULTS = [
  'worker killed',
  'worker stopped',
  'server killed, AOF',
  'server killed, RDB',
  'cut',
  'black hole',
  'half open',
  '1 byte/s',
] as const;

export type FaultName = (typeof FAULTS)[number];

/** Two walks that run side by side. `drain` comes before `again`, because `again` needs an earlier attempt. */
export const HALVES = [
  ['copy', 'live'],
  ['drain', 'again'],
] as const satisfies readonly (readonly Mode[])[];

/** Whether an attempt reaches the point at its beginning. Then its trap must be set before the attempt starts. */
export function isOfBeginning({ mode }: Point): boolean {
  return mode === 'copy' || mode === 'again';
}

/**
 * Whether the record of the baseline keys is complete at this point. Before that, a key that exists only on V2 counts
 * as a key of V2 and is not replicated (docs/decisions/0015).
 */
export function isTold({ mode, step }: Point): boolean {
  return (
    mode !== 'copy' || !(['lease taken', 'feed open', 'own keys noted'] as const).some((one) => one === step)
  );
}

/** The steps of a switch of authority, in their order. A cutover and a rollback have the same steps. */
export const SWITCH_STEPS = [
  'ready',
  'fence',
  'drain',
  'verify',
  'flip',
  'unpause',
  'records',
  'traffic',
  'open',
] as const;

export type SwitchStep = (typeof SWITCH_STEPS)[number];
