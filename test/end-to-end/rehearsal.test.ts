import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FULL } from '../lanes/proofs.ts';

/**
 * Runs `npm start` with few keys and short days. It judges by the apps' own logs, and its exit code is its verdict.
 * `--busy` tells it that other tests run on the machine.
 */
async function rehearse(...options: readonly string[]): Promise<{ code: number | null; said: string }> {
  const args = ['rehearsal/start.mjs', '--keys', '2000', '--day', '400ms', '--busy', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => said.push(String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said: said.join('') };
}

/** The damage has to last for three seconds and two whole passes. The window is seven days. */
const OTHERS = [
  [['--corrupt', '--day', '3s'], 'rolled-back'],
  [['--abort-at', 'sessions'], 'aborted'],
] as const;

test.each([[['--shared'], 'completed'] as const, ...(FULL ? OTHERS : [])])(
  'npm start -- %j ends as it should, every acknowledged write accounted for (L2, L9)',
  async (options, outcome) => {
    const { code, said } = await rehearse(...options);
    expect(said).toMatch(/every acknowledged write accounted for: (\d[\d  ]*) of \1 · lost 0/);
    expect(said).toContain(`${outcome}, lost 0`);
    expect(code, said).toBe(0);
  },
);
