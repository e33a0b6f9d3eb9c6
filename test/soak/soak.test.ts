import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('L2 L3 L8: a short soak with kills -9 and zombies loses, echoes and resurrects nothing, and says so', async () => {
  const { stdout } = await promisify(execFile)('npm', [
    'run',
    '--silent',
    'soak',
    '--',
    '--minutes',
    '0.1',
    '--seed',
    '7',
  ]);
  const [seed, last] = [stdout.split('\n').at(0), stdout.trim().split('\n').at(-1)];
  expect(seed).toBe('seed 7, 0.1 min');
  expect(last).toMatch(/ops [1-9]\d*, .* kills -9 [1-9]/);
  expect(last).toMatch(/lost 0, resurrected 0, handed again 0, echoed 0, unexplained conflicts 0, stuck 0$/);
});
