import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LinkStatus } from '../../domain/status.ts';
import type { Step } from '../../redis/sync/step.ts';
import { eventually } from './eventually.ts';
import type { Order, Trap, Word } from './sync-process.ts';

const PROGRAM = fileURLToPath(new URL('./sync-process.ts', import.meta.url));

export interface SyncProcess {
  readonly pid: number;
  /** Of the current attempt; undefined before the first. */
  status(): LinkStatus | undefined;
  /** Names of the failures that ended its attempts so far. */
  readonly ended: readonly string[];
  setTrap(trap: Trap): void;
  /** Resolves when it has come to the step of the trap that was set last. */
  trapped(step: Step): Promise<void>;
  /** Resolves when a status that was taken from now on says that everything was looked at. */
  live(withinMs?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, if it still lives. */
  kill(): Promise<void>;
}

/** Starts the process and its sync; a `trap` stands from the first attempt on. */
export async function startSyncProcess(
  order: Extract<Order, { kind: 'run' }>,
  trap?: Trap,
): Promise<SyncProcess> {
  const child: ChildProcess = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const said: Word[] = [];
  child.on('message', (word: Word) => said.push(word));
  const tell = (one: Order) => void child.send(one);
  await eventually('the process of the sync', () => said.some(({ kind }) => kind === 'ready'), {
    withinMs: 30_000,
  });
  let from = 0;
  const setTrap = (one: Trap) => {
    from = said.length;
    tell({ kind: 'trap', trap: one });
  };
  if (trap) setTrap(trap);
  tell(order);
  const status = () => said.findLast((word) => word.kind === 'status')?.status;
  const ended: string[] = [];
  child.on('message', (word: Word) => {
    if (word.kind === 'ended') ended.push(word.name);
  });
  return {
    pid: child.pid as number,
    status,
    ended,
    setTrap,
    trapped: async (step) => {
      await eventually(
        `the step ${step}`,
        () =>
          said.slice(from).some((word) => word.kind === 'at' && word.step === step) ||
          Promise.reject(new Error(`ended so far by ${ended.slice(-3).join(', ')}`)),
        { withinMs: 20_000 },
      );
    },
    live: async (withinMs = 30_000) => {
      const fromMs = Date.now();
      const isLive = () => (status()?.at ?? 0) >= fromMs && status()?.state === 'live';
      await eventually('the sync to be live', isLive, { withinMs }).catch((error: unknown) => {
        throw new Error(`not live: ${JSON.stringify(status())}, ended by ${ended.join(', ')}`, {
          cause: error,
        });
      });
    },
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
