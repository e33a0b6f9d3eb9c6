import { intervalWords, standingOf } from './impact.ts';
import type { ImpactStatus } from './status.ts';
import type { Throttle } from '../plan/throttle.ts';

/** The share of the limits that our work may use now, 0 to 1, and the reason when it is less than 1. */
export type Brake = {
  readonly share: number;
  /** Number of measurements in a row that proved an impact above the limit. */
  readonly proven: number;
  readonly reason: string | null;
};

export const RELEASED: Brake = { share: 1, proven: 0, reason: null };

/** The smallest share that is not a pause. A copy that stays slow for ever must still end. */
export const LEAST_SHARE = 1 / 64;
/** Growth after a measurement that proves the impact to be below the limit. */
const GROWTH = 1 / 8;
/**
 * Growth after a measurement that proves nothing. It undoes one halving in 32 measurements or more. Without it one
 * proof would slow the work for ever on a store that can never prove the opposite. With more of it the work would be
 * fast again before the next proof.
 */
const UNPROVEN_GROWTH = 1 / 64;
/**
 * The rate that stands for "no limit" once the brake must slow it, keys per second. The copy has never reached it on
 * one link.
 */
export const UNLIMITED_KEYS = 100_000;

/**
 * Returns the brake after one more measurement. The rule is AIMD (additive increase, multiplicative decrease), so that
 * the impact of our work stays bounded. It acts only on proof: on an interval that lies wholly on one side of the limit.
 * - The whole interval above the limit: the share is halved. The second time in a row our work pauses for one
 *   measurement.
 * - The whole interval below the limit: the share grows by an eighth.
 * - The interval holds the limit: nobody knows. The share is not halved, and it grows by a 64th.
 *
 * A pause measures nothing of our work. So the next measurement always ends it, at the smallest share.
 */
export function nextBrake(before: Brake, impact: ImpactStatus, limitPercent: number): Brake {
  const standing = standingOf(impact, limitPercent);
  const proven = standing === 'above' ? before.proven + 1 : 0;
  const felt = `the apps answer ${intervalWords(impact)} slower, the limit is ${limitPercent} %`;
  if (before.share === 0) return { share: LEAST_SHARE, proven: 0, reason: 'comes back after a pause' };
  if (proven >= 2) return { share: 0, proven: 0, reason: felt };
  if (proven > 0) return { share: Math.max(LEAST_SHARE, before.share / 2), proven, reason: felt };
  const share = Math.min(1, before.share + (standing === 'below' ? GROWTH : UNPROVEN_GROWTH));
  if (share === 1) return RELEASED;
  const grows = standing === 'below' ? 'grows again' : 'grows slowly, nothing is proven';
  return { share, proven, reason: `${grows}: ${felt}` };
}

/**
 * True when the next measurement must not wait. After one measurement above the limit the next one decides on a pause,
 * and until then the apps feel our work. A pause ends only with a measurement, and that measurement holds back nothing,
 * because nothing runs.
 */
export function isUndecided({ share, proven }: Brake): boolean {
  return proven > 0 || share === 0;
}

/**
 * Returns the limits that hold under a brake. They cannot express a pause, because 0 still means "no limit": check
 * `share` first.
 */
export function braked(throttle: Throttle, { share }: Brake): Throttle {
  if (share === 1) return throttle;
  const keys = (bound: number) => atLeastOne((bound || UNLIMITED_KEYS) * share);
  const bytes = (bound: number) => (bound === 0 ? 0 : atLeastOne(bound * share));
  return {
    copyKeysPerSecond: keys(throttle.copyKeysPerSecond),
    copyBytesPerSecond: bytes(throttle.copyBytesPerSecond),
    verifyKeysPerSecond: keys(throttle.verifyKeysPerSecond),
    verifyBytesPerSecond: bytes(throttle.verifyBytesPerSecond),
    batchMs: throttle.batchMs,
  };
}

function atLeastOne(bound: number): number {
  return Math.max(1, Math.floor(bound));
}

/** Returns `slowed to 25 %: …` or `paused: …`; `null` when the brake is off. */
export function brakeWords({ share, reason }: Brake): string | null {
  if (reason === null) return null;
  return share === 0 ? `paused: ${reason}` : `slowed to ${Math.round(share * 100)} %: ${reason}`;
}
