import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../domain/plan/plan.ts';
import { jday, jdayProcess, LAUNCHER } from '../support/processes/jday.ts';
import { withTempDir } from '../support/temp-dir.ts';

const dir = withTempDir();
const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

function planFile(name: string, content: string): string {
  const file = join(dir.path, name);
  writeFileSync(file, content);
  return file;
}

describe('a bad plan', () => {
  it.each(['plan', 'preflight', 'start'])('is told whole by jday %s, which ends with 2', async (verb) => {
    const file = planFile('bad.yaml', 'migration: Bad\nstores: []\nmode: sideways\n');
    const { code, stdout, stderr } = await jday([verb, '--plan', file], { env: NOWHERE });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/^\S+bad\.yaml:\d+:\d+ \w+: expected .+, found .+$/);
  });

  it('that does not exist is a sentence', async () => {
    const { code, stderr } = await jdayProcess(['start', '--plan', 'none.yaml'], {
      env: NOWHERE,
      cwd: dir.path,
    });
    expect([code, stderr]).toEqual([2, 'none.yaml:1:1 plan: expected a plan file, found no such file\n']);
  });
});

describe('bad usage', () => {
  it.each([
    [['frob']],
    [['abort']],
    [['plan', '--day', 'soon']],
    [['approve', 'everything']],
    [['waive', 'integrity', '--reason', 'no time']],
    [['waive', 'impact']],
    [['extend', 'x']],
    [['configure']],
    [['configure', '--copy-keys-per-second=-5']],
    [['configure', '--batch-ms', '3']],
  ])('%j ends with 2 and no stack', async (args) => {
    const { code, stderr } = await jday(args, { env: NOWHERE });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

it('bad usage is one sentence of the process too', async () => {
  const { code, stdout, stderr } = await jdayProcess(['plan', '--day', 'soon'], { env: NOWHERE });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

it('a bound that is none says what one is', async () => {
  const { stderr } = await jday(['configure', '--verify-keys-per-second', '1.5'], { env: NOWHERE });
  expect(stderr).toContain('Expected a whole number from 0 up (0: no limit), found "1.5".');
});

describe('without Temporal', () => {
  it.each([['progress'], ['start']])('jday %s says one sentence and ends with 1', async (...args) => {
    const { code, stdout, stderr } = await jday(args, { env: NOWHERE });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'Temporal does not answer at 127.0.0.1:1: start it (jday dev) or set TEMPORAL_ADDRESS.\n',
    );
  });

  it('a worker says the same, after what it was about', async () => {
    const { code, stdout, stderr } = await jdayProcess(['worker', '--metrics-port', '0'], { env: NOWHERE });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ msg: 'connects to Temporal' });
    expect(stderr).toMatch(/^Temporal does not answer at 127\.0\.0\.1:1: .*\.\n$/);
  });
});

describe('a temporal.toml that cannot be read', () => {
  it.each([[['progress']], [['worker', '--metrics-port', '0']]])(
    'is a sentence too, for %j',
    async (args) => {
      const file = join(dir.path, 'temporal.toml');
      writeFileSync(file, '');
      const { code, stderr } = await jdayProcess(args, { env: { TEMPORAL_CONFIG_FILE: file } });
      expect(code).toBe(2);
      expect(stderr).toMatch(/^The Temporal settings cannot be read: .*\.\n$/);
    },
  );
});

describe('a reader who goes away', () => {
  it('is told nothing more, and no trace is shown', async () => {
    const child = spawn(process.execPath, [LAUNCHER, 'plan', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const [said] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect(said).toBe('');
  });
});

describe('jday plan --json', () => {
  it('prints the input of the workflow as one line, with day and approvals as asked', async () => {
    const { code, stdout } = await jday(['plan', '--day', '3s', '--auto-approve', '--json']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const plan = JSON.parse(stdout) as Plan;
    expect(plan.dayMs).toBe(3_000);
    expect(plan.approvals).toEqual({ readiness: 'auto', cutover: 'auto', complete: 'auto' });
    expect(plan.stores.map(({ name }) => name)).toEqual(['v1', 'nexten', 'v2']);
  });

  it('prints no password of a store URL (L12)', async () => {
    const env = { SOURCE_V1: 'redis://jday:hunter2@v1:6379/0', TARGET_V2: 'nonsense:hunter2' };
    for (const args of [['plan'], ['plan', '--json']]) {
      // Run as a process, so that output which bypasses the verb's terminal is seen too.
      const { code, stdout, stderr } = await jdayProcess(args, { env });
      expect(code).toBe(2);
      expect(stderr).toContain('stores[2].url: expected a redis:// or rediss:// URL');
      expect(stdout + stderr).not.toContain('hunter2');
    }
    const { stdout } = await jday(['plan', '--json'], { env: { SOURCE_V1: env.SOURCE_V1 } });
    expect(stdout).toContain('${SOURCE_V1:-redis://v1-redis:6379}');
    expect(stdout).not.toContain('hunter2');
  });
});

describe('the launcher', () => {
  it('works through a link, from a folder with a tsconfig of its own', async () => {
    const link = join(dir.path, 'jday');
    symlinkSync(LAUNCHER, link);
    writeFileSync(join(dir.path, 'tsconfig.json'), '{ "compilerOptions": { "paths": { "yaml": ["./no"] } ');
    const { code, stdout, stderr } = await jdayProcess(['plan'], { program: link, cwd: dir.path });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('supersmartmatch: good');
  });

  it('shows its verbs with --help and ends with 0', async () => {
    const { code, stdout } = await jdayProcess(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/progress .*\n[^]*abort /);
  });
});
