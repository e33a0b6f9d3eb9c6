import { expect, test } from 'vitest';
import { withMigrationWorld } from '../support/migration-world.ts';

const world = withMigrationWorld();
/** Of `temporal.api.enums.v1.EventType`. */
const WORKFLOW_TASK_TIMED_OUT = 8;

/** Asks again as soon as it is answered, until told to end; resolves to the number of answers, and fails with the first refusal. */
async function ask(until: () => boolean): Promise<number> {
  for (let answers = 0; ; answers++) {
    if (until()) return answers;
    await world.progress();
  }
}

test('four who ask for the progress all the time are all answered, and cost the migration no task (docs/decisions/0020)', async () => {
  for (let i = 0; i < 300; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
  const start = await world.jday('start', '--day', '500ms', '--auto-approve');
  expect(start.code, start.stderr).toBe(0);
  let over = false;
  const asking = Promise.all(Array.from({ length: 4 }, () => ask(() => over)));
  const result = world
    .handle()
    .result()
    .finally(() => {
      over = true;
    });
  const [answers] = await Promise.all([asking, result]);
  expect(await result).toMatchObject({ outcome: 'completed', authority: 'target' });
  expect(Math.min(...answers)).toBeGreaterThan(5);
  const { events } = await world.handle().fetchHistory();
  const lost = events?.filter(({ eventType }) => eventType === WORKFLOW_TASK_TIMED_OUT);
  expect(lost).toEqual([]);
}, 120_000);
