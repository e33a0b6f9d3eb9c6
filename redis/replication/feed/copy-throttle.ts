import { shareOf } from '../../../domain/keys/shard.ts';
import { braked } from '../../../domain/gates/brake.ts';
import { type Throttle, throttleOf } from '../../../domain/plan/throttle.ts';
import type { Attempt } from '../attempt/attempt.ts';

/**
 * The bounds of the link at this moment. An operator sets them with `configure`; otherwise the plan does. The brake
 * lowers them while our work slows the apps down.
 */
export function linkBoundsOf({ plan, control }: Attempt): Throttle {
  return braked(control.throttle ?? throttleOf(plan), control.brake);
}

/** The part of these bounds that belongs to this shard. */
export function boundsOf(attempt: Attempt): Throttle {
  const whole = linkBoundsOf(attempt);
  return {
    ...whole,
    copyKeysPerSecond: shareOf(attempt.shard, whole.copyKeysPerSecond),
    copyBytesPerSecond: shareOf(attempt.shard, whole.copyBytesPerSecond),
  };
}
