import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

/** `npm start` itself, with few keys and short days: it judges by the apps' own logs, and its exit code is its verdict. */
async function rehearse(...options: readonly string[]): Promise<{ code: number | null; said: string }> {
  const args = ['client/jday.mjs', 'rehearse', '--keys', '2000', '--day', '700ms', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => said.push(String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said: said.join('') };
}

test.each([
  [['--shared'], 'completed'],
  [['--corrupt'], 'rolled-back'],
  [['--abort-at', 'copy'], 'aborted'],
  [['--abort-at', 'sessions'], 'aborted'],
  [['--abort-at', 'watch'], 'rolled-back'],
] as const)(
  'npm start -- %j ends as it should, every acknowledged write accounted for (L2, L9)',
  async (options, outcome) => {
    const { code, said } = await rehearse(...options);
    expect(said).toMatch(/every acknowledged write accounted for: (\d[\d  ]*) of \1 · lost 0/);
    expect(said).toContain(`${outcome}, lost 0`);
    expect(code, said).toBe(0);
  },
);
