import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { allScenarios } from '../../bench/all-scenarios.ts';
import { eventually } from '../support/eventually.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Starts the bench as a process, with a temporary folder that shows what it leaves behind. */
function bench(...args: readonly string[]) {
  const tmp = makeTempDir();
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  // Files of tsx do not count.
  const left = () => readdirSync(tmp).filter((name) => name.startsWith('jday-bench-'));
  return { child, code, left };
}

/** Two scenarios stand for all: each of the others runs the same way. */
const SOME = ['copy', 'apply-64'];

test('the bench runs a scenario with every contender, and each gets its figures', async () => {
  const { child, code, left } = bench('--quick', '--only', SOME.join());
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(out.split('\n').filter((line) => line.includes('no figure'))).toEqual([]);
  expect([await code, err]).toEqual([0, '']);
  const scenarios = allScenarios({ quick: true, keys: 600, seconds: 1 });
  for (const { name, contenders } of scenarios.filter((one) => SOME.includes(one.name))) {
    const part = out.split(`\n${name}: `)[1]?.split('\n\n')[0] ?? '';
    for (const contender of contenders)
      expect(part).toMatch(new RegExp(`^  1 ${contender.name} +\\w+ \\d`, 'm'));
  }
  expect(left()).toEqual([]);
});

test('interrupted in the middle it leaves no server and no file behind', async () => {
  const { child, code, left } = bench('--only', 'copy', '--keys', '500000');
  await eventually('a run to be under way', () => left().length > 0);
  child.kill('SIGINT');
  expect(await code).toBe(130);
  // A check at the end of all tests looks for its servers and processes.
  expect(left()).toEqual([]);
});

test('an unknown scenario is refused in a sentence', async () => {
  const { child, code } = bench('--only', 'nothing');
  expect(await text(child.stderr)).toContain('no scenario nothing; there are ');
  expect(await code).toBe(2);
});
