import { describe, expect, test } from 'vitest';
import { politeSlots } from '../../workers/create-workers.ts';

const CONTEXT = {
  slotType: 'activity',
  taskQueue: 'jday-sync',
  workerIdentity: 'one',
  workerBuildId: '',
  isSticky: false,
} as const;
const TASK = { slotInfo: { type: 'activity', activityType: 'sync' }, permit: {} } as const;

/** How long a worker with these slots waits before it asks for one more task, ms. */
async function waitOf(slots: ReturnType<typeof politeSlots>): Promise<number> {
  const from = performance.now();
  await slots.reserveSlot(CONTEXT, new AbortController().signal);
  return performance.now() - from;
}

describe('slots of the worker of long activities', () => {
  test('one that holds more asks later, so that of two the emptier is first', async () => {
    const [empty, full] = [politeSlots(), politeSlots()];
    for (let i = 0; i < 4; i++) full.markSlotUsed(TASK);
    const order: string[] = [];
    await Promise.all([
      waitOf(full).then(() => order.push('full')),
      waitOf(empty).then(() => order.push('empty')),
    ]);
    expect(order).toEqual(['empty', 'full']);
  });

  test('L8: there is no limit, the last worker takes all', async () => {
    const slots = politeSlots();
    for (let i = 0; i < 200; i++) slots.markSlotUsed(TASK);
    expect(await waitOf(slots)).toBeLessThan(1_000);
  });

  test('what ended is not held any more, and a poll without a task never was', async () => {
    const slots = politeSlots();
    for (let i = 0; i < 5; i++) slots.markSlotUsed(TASK);
    slots.releaseSlot({ permit: {} });
    expect(await waitOf(slots)).toBeGreaterThan(80);
    for (let i = 0; i < 5; i++) slots.releaseSlot(TASK);
    const empty = politeSlots();
    const order: string[] = [];
    empty.markSlotUsed(TASK);
    await Promise.all([
      waitOf(empty).then(() => order.push('holds one')),
      waitOf(slots).then(() => order.push('holds none')),
    ]);
    expect(order).toEqual(['holds none', 'holds one']);
  });

  test('a worker that is told to stop does not wait', async () => {
    const slots = politeSlots();
    slots.markSlotUsed(TASK);
    const stop = new AbortController();
    const reserved = slots.reserveSlot(CONTEXT, stop.signal);
    stop.abort();
    await expect(reserved).rejects.toMatchObject({ name: 'AbortError' });
  });
});
