import type { Step } from '../../redis/sync/step.ts';

/**
 * Where an attempt comes by, in the order in which a migration does: in its first copy, while live, at the
 * beginning of a later attempt, which looks at every key again, and while a drain is asked for. Steps that a mode does
 * not come to are not in its list.
 */
export const POINTS = {
  /**
   * Each early enough that the later ones are still to come, however many attempts were broken off before: the record
   * of what V2 held is made once.
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
} as const satisfies Readonly<Record<string, readonly Step[]>>;

export type Mode = keyof typeof POINTS;
export type StepOf<M extends Mode> = (typeof POINTS)[M][number];
export type Point = { readonly [M in Mode]: { readonly mode: M; readonly step: StepOf<M> } }[Mode];
/** Those of the modes, in their order. */
export function pointsIn(...modes: readonly Mode[]): readonly Point[] {
  return modes.flatMap((mode) => POINTS[mode].map((step) => ({ mode, step }) as Point));
}

/** Every point, in the order in which one process can come by. */
export const EVERY_POINT = pointsIn(...(Object.keys(POINTS) as Mode[]));

/** What is struck at every point, and at every step of a switch. */
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

/** Two walks that go side by side; a later attempt's beginning comes when there has been an attempt. */
export const HALVES = [
  ['copy', 'live'],
  ['drain', 'again'],
] as const satisfies readonly (readonly Mode[])[];

/** Reached by an attempt at its beginning: a trap for it stands before the attempt does. */
export function isOfBeginning({ mode }: Point): boolean {
  return mode === 'copy' || mode === 'again';
}

/**
 * Whether the record of what V2 held before is complete by then: until it is, a key that only V2 has is V2's own, and
 * does not travel (docs/decisions/0015).
 */
export function isTold({ mode, step }: Point): boolean {
  return (
    mode !== 'copy' || !(['lease taken', 'feed open', 'own keys noted'] as const).some((one) => one === step)
  );
}

/** Those of the switch of authority, in their order; a cutover and a rollback come to all of them. */
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
