import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Closing } from '../closing.ts';
import type { Answer, AppsConfiguration, Order } from './orders.ts';
import type { TallyNumbers } from './tally.ts';

export type AppsProcess = {
  readonly pid: number;
  tally(): Promise<TallyNumbers>;
  pause(): Promise<void>;
  resume(): Promise<void>;
};

/** Starts the apps in a process and a process group of their own, so that a Ctrl-C reaches only the rehearsal. */
export async function startApps(configuration: AppsConfiguration, closing: Closing): Promise<AppsProcess> {
  const child = fork(fileURLToPath(new URL('start.mjs', import.meta.url)), {
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  closing.add(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await ask(child, { order: 'begin', configuration }, 'running');
  return {
    pid: child.pid ?? -1,
    tally: async () => {
      const answer = await ask(child, { order: 'tally' }, 'tally');
      if (answer.answer !== 'tally') throw new Error(`the apps answered ${answer.answer}`);
      return answer.numbers;
    },
    pause: async () => void (await ask(child, { order: 'pause' }, 'paused')),
    resume: async () => void (await ask(child, { order: 'resume' }, 'running')),
  };
}

function ask(child: ChildProcess, order: Order, expected: Answer['answer']): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const hear = (message: unknown) => {
      const answer = message as Answer;
      if (answer.answer !== expected) return;
      settle();
      resolve(answer);
    };
    const ended = () => {
      settle();
      reject(new Error('the apps ended by themselves'));
    };
    const settle = () => {
      child.off('message', hear);
      child.off('exit', ended);
    };
    child.on('message', hear);
    child.once('exit', ended);
    child.send(order);
  });
}
