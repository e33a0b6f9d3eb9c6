import type { LinkStatus } from '../../../domain/gates/status.ts';

/** Returns how many statuses the attempt had reported by this one, this one included. It reports one a second. */
export function wordsOf(status: LinkStatus | undefined): number {
  return Math.max(0, ...Object.values(status?.moments ?? {}).map(({ word }) => word));
}
