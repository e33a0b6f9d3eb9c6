import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, test } from 'vitest';
import type { Report } from '../../domain/run/report.ts';
import { eventually } from '../support/eventually.ts';
import { monitor } from '../support/servers/monitor.ts';
import { OUR_PASSWORD } from '../support/servers/migration-users.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { patientPlan } from '../support/worlds/patient-plan.ts';
import { PERSON, SECRETS, toldTexts } from '../support/worlds/told-texts.ts';

const world = withMigrationWorld();
const AT = Date.now() + 3_600_123;

async function fill(): Promise<void> {
  const v1 = world.admin('v1');
  for (let i = 0; i < 500; i++)
    await v1.set(
      `match:${i}`,
      `{"offers":[{"id":${i},"score":94.5}],"big":12345678901234567890,"x":1.0}`,
      'PXAT',
      AT + i,
    );
  for (let i = 0; i < 100; i++) {
    await v1.hset(`session:${i}`, {
      user_id: String(i),
      email: PERSON,
      offers: '[{"offer_id":1}]',
      note: 'café 🎯',
    });
    await v1.pexpireat(`session:${i}`, AT + i);
  }
  await v1.zadd('metrics:cpu', 1.5, 'a', 2, 'b');
  const nexten = world.admin('nexten');
  await nexten.set('embedding:1', Buffer.from([0x80, 0x04, 0, 255, 13, 10]));
  await nexten.hset('rq:job:1', 'data', Buffer.from([120, 156, 0, 255]), 'status', 'finished');
  await nexten.zadd('metrics:latency', 3, 'x');
  const v2 = world.admin('v2');
  await v2.set('match:result:abc', 'of V2', 'PXAT', AT);
  await v2.set('v2:own', 'of V2');
}

/** Of `temporal.api.enums.v1.EventType`. */
const WORKFLOW_TASK_TIMED_OUT = 8;
const ASKERS = 4;

/**
 * Asks for the progress again and again.
 *
 * @returns the number of answers; rejects at the first refusal
 */
async function ask(until: () => boolean): Promise<number> {
  let answers = 0;
  for (; !until(); answers++) await world.handle().query('progress');
  return answers;
}

const start = () =>
  world.jday(
    ...['start', '--plan', patientPlan(join(world.dir.path, 'plan.yaml'))],
    ...['--day', '500ms', '--auto-approve', '--wait', '--json'],
  );

test('own servers, our worker, one command: everything is on V2 in V2 form, to the byte and to the ms (L4, L6, L10, L12)', async () => {
  await fill();
  const monitors = await Promise.all(
    (['v1', 'nexten', 'v2'] as const).map((name) => monitor(world.server(name).port, OUR_PASSWORD)),
  );
  let over = false;
  const running = start().finally(() => {
    over = true;
  });
  await eventually('the run', async () => (await world.phase()) !== '');
  const answers = await Promise.all(Array.from({ length: ASKERS }, () => ask(() => over)));
  const run = await running;
  expect(run.code, run.stderr).toBe(0);
  expect(Math.min(...answers)).toBeGreaterThan(5);
  const report = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as Report;
  expect(report).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    sessions: { lost: 0 },
    integrity: 100,
  });
  expect(report.backups.every((backup) => backup.proven)).toBe(true);

  const v2 = world.admin('v2');
  for (let i = 0; i < 500; i++) {
    expect(await v2.get(`match:${i}`)).toBe(
      `{"jobs":[{"id":${i},"score":94.5}],"big":12345678901234567890,"x":1.0}`,
    );
    expect(await v2.pexpiretime(`match:${i}`)).toBe(AT + i);
  }
  for (let i = 0; i < 100; i++) {
    expect(await v2.hgetall(`session:${i}`)).toEqual({
      user_id: String(i),
      email: PERSON,
      jobs: '[{"offer_id":1}]',
      note: 'café 🎯',
    });
    expect(await v2.pexpiretime(`session:${i}`)).toBe(AT + i);
  }
  expect(await v2.zrange('metrics:v1:cpu', '0', '-1', 'WITHSCORES')).toEqual(['a', '1.5', 'b', '2']);
  expect(await v2.zscore('metrics:nexten:latency', 'x')).toBe('3');
  expect(await v2.getBuffer('embedding:1')).toEqual(Buffer.from([0x80, 0x04, 0, 255, 13, 10]));
  expect(await v2.hgetBuffer('rq:job:1', 'data')).toEqual(Buffer.from([120, 156, 0, 255]));
  expect(await v2.get('match:result:abc')).toBe('of V2');
  expect(await v2.pexpiretime('match:result:abc')).toBe(AT);
  expect(await v2.get('v2:own')).toBe('of V2');
  await expect(world.app('v1').set('match:late', 'x')).rejects.toThrow(/NOPERM/);

  const commands = monitors.flatMap((each) => each.lines());
  for (const each of monitors) each.stop();
  expect(commands.length).toBeGreaterThan(1_000);
  expect(commands.filter((line) => /\] "(keys|flushall|flushdb)"/i.test(line))).toEqual([]);
  const touched = commands.flatMap(
    (line) =>
      /\] "(?:set|hset|del|unlink|restore|pexpireat|hdel|rpush|sadd|zadd|xadd)" "([^"]*)"/i.exec(line)?.[1] ??
      [],
  );
  expect(touched.filter((key) => !/^(jday:|match:|session:|metrics:|embedding:|rq:job:)/.test(key))).toEqual(
    [],
  );

  const history = historyToJSON(await world.handle().fetchHistory());
  expect((history.match(/"eventId"/g) ?? []).length).toBeLessThan(5_000);
  // Four who ask all the time cost the migration no task (docs/decisions/0020).
  const { events } = await world.handle().fetchHistory();
  expect(events?.filter(({ eventType }) => eventType === WORKFLOW_TASK_TIMED_OUT)).toEqual([]);
  const backups = join(world.dir.path, 'backups');
  const manifests = readdirSync(backups, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(manifests.length).toBeGreaterThan(3);
  for (const entry of manifests)
    expect(statSync(join(entry.parentPath, entry.name)).mode & 0o777).toBe(0o600);
  for (const text of [run.stdout, run.stderr, ...(await toldTexts(world))])
    for (const secret of SECRETS) expect(text.includes(secret)).toBe(false);
});

test('a completed migration cannot be started again, and an abort says how it ended', async () => {
  const again = await world.jday('abort', '--id', 'supersmartmatch', '--reason', 'too late');
  expect(again.code).toBe(3);
  expect(again.stderr + again.stdout).toMatch(/completed/);
  const started = await start();
  expect(started.code).not.toBe(0);
});
