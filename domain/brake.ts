import type { ImpactStatus } from './status.ts';
import type { Throttle } from './throttle.ts';

/** How much of the bounds may be used now, 0 to 1, and why not all of them. */
export type Brake = {
  readonly share: number;
  /** Measurements in a row that proved an impact above the limit. */
  readonly proven: number;
  readonly reason: string | null;
};

export const RELEASED: Brake = { share: 1, proven: 0, reason: null };

/** The apps' response time is worth a look from this share of its limit on (3 of 5 % in the original plan). */
export const IMPACT_ALERT_SHARE = 0.6;
/** The least that is not a pause: a copy that slows down for ever must still end. */
export const LEAST_SHARE = 1 / 64;
const GROWTH = 1 / 8;
/** What "no limit" counts as once it has to be slowed: more than the copy has ever reached on one link, keys/s. */
export const UNLIMITED_KEYS = 100_000;

/**
 * The next word on our pace after one measurement (AIMD, L14): halved while the median is worth an alert, paused for
 * one measurement when twice in a row all of the interval lay above the limit, an eighth more while it is well. A
 * pause measures nothing of ours, so it always ends with the next measurement, at the least pace.
 */
export function nextBrake(before: Brake, impact: ImpactStatus, limitPercent: number): Brake {
  const felt = `the apps answer ${impact.percent.toFixed(1)} % slower, the limit is ${limitPercent} %`;
  const proven = impact.low > limitPercent ? before.proven + 1 : 0;
  if (before.share === 0) return { share: LEAST_SHARE, proven: 0, reason: 'comes back after a pause' };
  if (proven >= 2) return { share: 0, proven: 0, reason: felt };
  if (proven > 0 || impact.percent > limitPercent * IMPACT_ALERT_SHARE)
    return { share: Math.max(LEAST_SHARE, before.share / 2), proven, reason: felt };
  const share = Math.min(1, before.share + GROWTH);
  return share === 1 ? RELEASED : { share, proven, reason: `grows again, ${felt}` };
}

/**
 * Whether the next measurement must not wait: a second one in a row decides on a pause, and until then the apps feel
 * us; a pause ends with a measurement, and holds nothing that runs.
 */
export function isUndecided({ share, proven }: Brake): boolean {
  return proven > 0 || share === 0;
}

/** The bounds that hold under a brake. A pause is not among them: 0 stays "no limit", ask `share` first. */
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

/** `slowed to 25 %: …` or `paused: …`; `null` = the brake is off. */
export function brakeWords({ share, reason }: Brake): string | null {
  if (reason === null) return null;
  return share === 0 ? `paused: ${reason}` : `slowed to ${Math.round(share * 100)} %: ${reason}`;
}
