import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Report } from '../../domain/run/report.ts';
import { makeTls } from '../support/servers/tls.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { patientPlan } from '../support/worlds/patient-plan.ts';

const tls = makeTls();
const listeners = { v1: await tls.listener(), nexten: await tls.listener(), v2: await tls.listener() };
const FILES = { CA: tls.files.ca, CERT: tls.files.cert, KEY: tls.files.key, SERVERNAME: 'localhost' };
const world = withMigrationWorld({
  listeners,
  environment: () =>
    Object.fromEntries(
      ['V1', 'NEXTEN', 'V2'].flatMap((store) =>
        Object.entries(FILES).map(([name, value]) => [`${store}_TLS_${name}`, value]),
      ),
    ),
});

test('a whole migration over stores that demand client certificates, by the variables of the shipped plan (L2, L10)', async () => {
  const [v1, v2] = [world.admin('v1'), world.admin('v2')];
  for (let i = 0; i < 200; i++) await v1.set(`match:${i}`, `{"offers":[{"id":${i}}]}`);
  await v1.hset('session:1', { user_id: '1' });
  await world.admin('nexten').set('embedding:1', Buffer.from([0x80, 0, 255]));
  const { code, stdout, stderr } = await world.jday(
    ...['start', '--plan', patientPlan(join(world.dir.path, 'plan.yaml'))],
    ...['--day', '500ms', '--auto-approve', '--wait', '--json'],
  );
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  expect((JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report).outcome).toBe('completed');
  expect(await v2.get('match:7')).toBe('{"jobs":[{"id":7}]}');
  expect(await v2.getBuffer('embedding:1')).toEqual(Buffer.from([0x80, 0, 255]));
  expect(readdirSync(join(world.dir.path, 'backups')).length).toBeGreaterThan(1);
});
