import type { Progress } from './progress.ts';
import type { LinkStatus } from './status.ts';
import { braked, RELEASED } from './brake.ts';
import type { Throttle } from './throttle.ts';

const UNTOLD: Throttle = {
  copyKeysPerSecond: 0,
  copyBytesPerSecond: 0,
  verifyKeysPerSecond: 0,
  verifyBytesPerSecond: 0,
  batchMs: 0,
};

/**
 * The asked bounds less what the measured impact takes, as the syncs say; the most slowed link tells for all.
 *
 * @param asked `null` = not known here, as the syncs say
 */
export function throttleInForce(
  asked: Throttle | null,
  syncs: readonly LinkStatus[],
): Progress['sync']['throttle'] {
  const told = syncs.flatMap(({ throttle }) => (throttle ? [throttle] : []));
  const share = Math.min(1, ...told.map((one) => one.share));
  const reason = syncs.find(({ throttled }) => throttled !== null)?.throttled ?? null;
  if (asked) return { ...braked(asked, { ...RELEASED, share }), share, reason };
  const { batchKeys: _keys, ...bounds } = told[0] ?? { ...UNTOLD, batchKeys: 0 };
  return { ...bounds, share, reason };
}
