import { once } from 'node:events';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { eventually } from '../eventually.ts';
import { forkProgram } from './fork-program.ts';
import { machineMs } from '../machine-ms.ts';
import type { Order, Trap, Word } from './sync-process.ts';

export interface SyncProcess {
  readonly pid: number;
  /** Returns the last status that it has reported; undefined before the first one. */
  status(): LinkStatus | undefined;
  /** Name and message of each failure that has ended an attempt so far. */
  readonly ended: readonly string[];
  setTrap(trap: Trap): void;
  /** Resolves when the process has reached the step of the trap that was set last. */
  trapped(step: FaultPoint): Promise<void>;
  /** Resolves when a status from after this call says that all keys were scanned. */
  live(withinMs?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGKILL and waits for the end of the process. */
  kill(): Promise<void>;
}

const SHIFTED_CLOCK = new URL('./shifted-clock.mjs', import.meta.url).href;

/**
 * Starts the process and its sync. A `trap` is set before the first attempt.
 *
 * @param clockOffMs shift of the wall clock of the process, ms
 */
export async function startSyncProcess(
  order: Extract<Order, { kind: 'run' }>,
  trap?: Trap,
  clockOffMs = 0,
): Promise<SyncProcess> {
  const child = forkProgram('sync-process', {
    execArgv: clockOffMs === 0 ? [] : ['--import', SHIFTED_CLOCK],
    env: { ...process.env, JDAY_TEST_CLOCK_OFF_MS: String(clockOffMs) },
  });
  const exited = once(child, 'exit');
  const said: Word[] = [];
  child.on('message', (word: Word) => said.push(word));
  const tell = (one: Order) => void child.send(one);
  await eventually('the process of the sync', () => said.some(({ kind }) => kind === 'ready'));
  let from = 0;
  const setTrap = (one: Trap) => {
    from = said.length;
    tell({ kind: 'trap', trap: one });
  };
  if (trap) setTrap(trap);
  tell(order);
  const last = () => said.findLast((word) => word.kind === 'status');
  const status = () => last()?.status;
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
      );
    },
    live: async (withinMs) => {
      const fromMs = machineMs();
      const isLive = () => {
        const word = last();
        return word !== undefined && word.atMs >= fromMs && word.status.state === 'live';
      };
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
