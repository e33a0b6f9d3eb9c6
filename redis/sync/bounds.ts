import { shareOf } from '../../domain/shard.ts';
import { braked } from '../../domain/brake.ts';
import { type Throttle, throttleOf } from '../../domain/throttle.ts';
import type { Attempt } from './attempt.ts';

/** The link's bounds of this moment: those of `configure`, else the plan's, less what the measured impact takes (L14). */
export function linkBoundsOf({ plan, control }: Attempt): Throttle {
  return braked(control.throttle ?? throttleOf(plan), control.brake);
}

/** The part of them that is this shard's. */
export function boundsOf(attempt: Attempt): Throttle {
  const whole = linkBoundsOf(attempt);
  return {
    ...whole,
    copyKeysPerSecond: shareOf(attempt.shard, whole.copyKeysPerSecond),
    copyBytesPerSecond: shareOf(attempt.shard, whole.copyBytesPerSecond),
  };
}
