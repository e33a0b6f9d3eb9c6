import { setTimeout as delay } from 'node:timers/promises';
import type { ActivitySlotInfo, CustomSlotSupplier, WorkerTuner } from '@temporalio/worker';

/** The answer to a poll takes some ms: one who holds one more asks by so much later. */
const STEP_MS = 20;
/** The last worker has to take dozens within seconds. */
const LONGEST_MS = 100;

/**
 * A worker that holds much waits a moment before it asks for more, so that of two workers the one with less to do is
 * first, and the shards of a killed one spread over the others. No limit: the last worker takes all (L8). Nobody gives
 * back what he holds: docs/scale.md says how shards are moved to a worker that came later.
 */
export function politeSlots(): CustomSlotSupplier<ActivitySlotInfo> {
  let held = 0;
  return {
    type: 'custom',
    reserveSlot: async (_context, abort) => {
      await delay(Math.min(held * STEP_MS, LONGEST_MS), undefined, { signal: abort });
      return {};
    },
    tryReserveSlot: () => null,
    markSlotUsed: () => void (held += 1),
    // Without a task the poll ended with nothing, and the slot was not held.
    releaseSlot: ({ slotInfo }) => void (held -= slotInfo ? 1 : 0),
  };
}

/** Polite for activities; the worker of long activities runs nothing else. */
export function politeTuner(): WorkerTuner {
  const none = { type: 'fixed-size', numSlots: 1 } as const;
  return {
    activityTaskSlotSupplier: politeSlots(),
    workflowTaskSlotSupplier: none,
    localActivityTaskSlotSupplier: none,
    nexusTaskSlotSupplier: none,
  };
}
