import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startChild } from '../../servers/child.ts';
import { foundEngines } from '../../servers/found-engines.ts';
import { plainEnvironment } from '../../servers/plain-environment.ts';
import { startRedis } from '../../servers/redis-server.ts';
import { startTemporal } from '../../servers/temporal-server.ts';
import { findTool } from '../../servers/tools.ts';
import { withTempDir } from '../support/temp-dir.ts';

const dir = withTempDir();
const SECRETS = {
  SOURCE_V1: 'redis://jday:hunter2@v1',
  TEMPORAL_API_KEY: 'hunter2',
  TRAFFIC_TOKEN: 'hunter2',
  AWS_SECRET_ACCESS_KEY: 'hunter2',
  DATABASE_PASSWORD: 'hunter2',
};
const onLinux = it.skipIf(process.platform !== 'linux');

beforeAll(() => void Object.assign(process.env, SECRETS));
afterAll(() => {
  for (const name of Object.keys(SECRETS)) Reflect.deleteProperty(process.env, name);
});

it('keeps what a program needs to run, and nothing that may be a secret', () => {
  const environment = {
    ...SECRETS,
    PATH: '/bin',
    HOME: '/h',
    LC_ALL: 'C',
    TZ: 'UTC',
    JDAY_CACHE: '/c',
    PATHS: 'x',
  };
  expect(plainEnvironment(environment)).toEqual({
    PATH: '/bin',
    HOME: '/h',
    LC_ALL: 'C',
    TZ: 'UTC',
    JDAY_CACHE: '/c',
  });
});

onLinux('no server of ours holds a secret of ours in its environment (L12)', async () => {
  // A Redis server writes its title over its environment, so the program before it says what there was.
  const [binary, said] = [join(dir.path, 'program'), join(dir.path, 'environment')];
  writeFileSync(binary, `#!/bin/sh\nenv > '${said}'\nexec '${findTool('redis-server')}' "$@"\n`);
  chmodSync(binary, 0o700);
  const redis = await startRedis({ dir: join(dir.path, 'redis'), binary });
  const temporal = await startTemporal({ dir: join(dir.path, 'temporal'), headless: true });
  try {
    const environments = [
      readFileSync(said, 'latin1'),
      readFileSync(`/proc/${temporal.pid}/environ`, 'latin1'),
    ];
    for (const environment of environments) {
      expect(environment).toContain('PATH=');
      expect(environment).not.toContain('hunter2');
    }
  } finally {
    await Promise.all([redis.stop(), temporal.stop()]);
  }
});

onLinux('a child gets what its caller names, and else nothing of ours', async () => {
  const child = (name: string, env?: NodeJS.ProcessEnv) => {
    const logFile = join(dir.path, name);
    return startChild({ program: '/usr/bin/env', args: [], cwd: dir.path, logFile, ...(env && { env }) });
  };
  const [plain, given] = [child('plain'), child('given', { NAMED: 'on purpose' })];
  await Promise.all([plain.exited, given.exited]);
  expect(plain.log()).not.toContain('hunter2');
  expect(given.log().trim()).toBe('NAMED=on purpose');
});

it('the engines of this machine are found without our secrets', async () => {
  expect((await foundEngines()).length).toBeGreaterThan(0);
});
