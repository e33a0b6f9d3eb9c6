import { afterAll, expect, test } from 'vitest';
import type { Progress } from '../../domain/run/progress.ts';
import { eventually } from '../support/eventually.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';

const world = withMigrationWorld();
const resume = (...words: string[]) => world.jday('resume', '--id', 'supersmartmatch', ...words);
afterAll(() => world.jday('abort', '--id', 'supersmartmatch', '--reason', 'seen enough', '--wait'));

const waits = (text: RegExp) =>
  eventually(
    `the progress to say ${text}`,
    async () => {
      const progress: Progress = await world.progress();
      return text.test(progress.waitingFor.why) && progress;
    },
    { everyMs: 100 },
  );

test('FLUSHALL on V1 during the sync: V2 keeps every key, progress, log and metrics say why it stands, and either decision of resume does what it says (L5)', async () => {
  const [v1, v2] = [world.admin('v1'), world.admin('v2')];
  for (let i = 0; i < 200; i++) await v1.set(`match:${i}`, `{"offers":[${i}]}`);
  const started = await world.jday('start', '--day', '30s');
  expect(started.code).toBe(0);
  await world.inPhase('sync');
  const early = await resume('--accept', 'restore');
  expect([early.code, early.stderr]).toEqual([3, expect.stringContaining('nothing is held back')]);

  await v1.flushall();
  const stopped = await waits(/v1, source: the server was flushed; 200 absences held back/);
  expect(stopped.waitingFor.what).toBe('resume');
  expect(stopped.gates.find(({ name }) => name === 'breaker')?.verdict).toBe('red');
  expect(stopped.suspects).toMatchObject([{ link: 'v1', side: 'source', keys: 200, accepted: null }]);
  expect(await v2.keys('match:*')).toHaveLength(200);
  expect(world.output.join('')).toContain(
    'sync v1: the server was flushed: source is suspect, somebody has to decide',
  );
  const metrics = await (await fetch(`http://${world.metricsAddress()}/metrics`)).text();
  expect(metrics).toContain(
    'jday_link_breaker_open{link="v1",side="source",reason="the server was flushed"} 1',
  );
  expect((await resume()).code).toBe(3);
  expect((await resume('--accept', 'restore', '--link', 'nexten')).code).toBe(3);

  const restored = await resume('--accept', 'restore', '--reason', 'the flush was a mistake', '--json');
  expect(restored.code).toBe(0);
  await eventually('V1 to have its keys again', async () => (await v1.keys('match:*')).length === 200);
  expect(await v1.get('match:7')).toBe('{"offers":[7]}');
  await eventually('the breaker to close', async () => {
    const { gates } = await world.progress();
    return gates.find(({ name }) => name === 'breaker')?.verdict === 'green';
  });

  await v1.flushall();
  await waits(/200 absences held back/);
  expect(await v2.keys('match:*')).toHaveLength(200);
  expect((await resume('--accept', 'absence', '--link', 'v1', '--side', 'source')).code).toBe(0);
  await eventually('V2 to be empty too', async () => (await v2.keys('match:*')).length === 0);
});
