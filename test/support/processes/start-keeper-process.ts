import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { eventually } from '../eventually.ts';
import { forkProgram } from './fork-program.ts';
import type { KeeperOrder, KeeperWord } from './keeper-process.ts';

const OFTEN = { everyMs: 5 };

type Looked = Extract<KeeperWord, { kind: 'looked' }>;

/** Starts a fence keeper in a process of its own. It ends with the test. */
export function startKeeperProcess({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const child = forkProgram('keeper-process');
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  let said: KeeperWord[] = [];
  child.on('message', (word: KeeperWord) => said.push(word));
  const looked = () => said.find((word): word is Looked => word.kind === 'looked');
  return {
    /**
     * Begins to keep the fence. Resolves with the result of the first look; `null` = it has stopped itself before the
     * end of the look.
     */
    look: async (order: KeeperOrder): Promise<Looked | null> => {
      said = [];
      child.send(order);
      await eventually('the look to end or stop', () => looked() ?? isStopped(child.pid ?? 0), OFTEN);
      return looked() ?? null;
    },
    /** Lets a stopped keeper go on. Resolves with the result of its first look. */
    goOn: async (): Promise<Looked> => {
      child.kill('SIGCONT');
      return eventually('the look to end', looked, OFTEN);
    },
    stop: async () => {
      child.send('stop');
      await eventually('the keeper to end', () => said.some(({ kind }) => kind === 'ended'), OFTEN);
    },
  };
}

/** /proc shows the state after the name of the program, which is in parentheses. */
function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('T') ?? false;
}
