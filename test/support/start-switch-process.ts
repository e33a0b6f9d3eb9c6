import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { eventually } from './eventually.ts';
import type { SwitchOrder, SwitchWord } from './switch-process.ts';

const PROGRAM = fileURLToPath(new URL('./switch-process.ts', import.meta.url));

export interface SwitchProcess {
  /** Resolves when it has come to the step of its trap. */
  trapped(): Promise<void>;
  /** Resolves when the process is gone. */
  exited(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** How the switch ended: `null` = done. */
  end(): Promise<string | null>;
}

/** Ends with the test, if it still lives. */
export function startSwitchProcess(order: SwitchOrder): SwitchProcess {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const said: SwitchWord[] = [];
  child.on('message', (word: SwitchWord) => said.push(word));
  child.send(order);
  const heard = <K extends SwitchWord['kind']>(kind: K) => {
    const find = () =>
      said.find((word) => word.kind === kind) as Extract<SwitchWord, { kind: K }> | undefined;
    return eventually(`the switch to say “${kind}”`, find, { withinMs: 30_000, everyMs: 5 });
  };
  return {
    trapped: async () => void (await heard('at')),
    exited: async () => void (await exit),
    signal: (signal) => void child.kill(signal),
    end: async () => (await heard('ended')).ended,
  };
}
