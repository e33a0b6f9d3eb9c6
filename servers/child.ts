/**
 * A server that runs as our child process. It never outlives us. When we end in order, the exit handler kills it. When
 * we are killed, the Linux kernel kills it (setpriv --pdeathsig). It runs in its own process group, so that a Ctrl-C in
 * the terminal reaches only us: we may still need the server in order to abort in order.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { plainEnvironment } from './plain-environment.ts';
import { findOptionalProgram } from './tools.ts';

const STOP_BOUND_MS = 10_000;
const READY_POLL_MS = 10;

const living = new Set<ChildProcess>();
let exitHandlerSet = false;

export interface Child {
  readonly pid: number;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<void>;
  running(): boolean;
  /** @returns the text that it wrote to its log since this start */
  log(): string;
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and SIGKILL after 10 s. Resolves when the process is gone. */
  stop(): Promise<void>;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly logFile: string;
  /** @default our own variables without those that may be secrets, see `plainEnvironment` */
  readonly env?: NodeJS.ProcessEnv;
}

export function startChild(command: Command): Child {
  const log = openSync(command.logFile, 'a', 0o600);
  const logStart = statSync(command.logFile).size;
  const [program, args] = tiedToUs(command);
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: command.env ?? plainEnvironment(),
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  endWithUs(child);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  }).then(() => void living.delete(child));
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? -1,
    exited,
    running,
    log: () => readFileSync(command.logFile).subarray(logStart).toString(),
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      if (running()) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS);
      await exited;
      clearTimeout(late);
    },
  };
}

/**
 * Waits until `ready` returns true.
 *
 * @param deadlineMs longest wait, ms
 * @throws ServerNotStarted, with the end of the log, when the child ends first or is late
 */
export async function becomeReady(
  child: Child,
  name: string,
  ready: () => boolean | Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const start = performance.now();
  while (child.running()) {
    if (await ready()) return;
    if (performance.now() - start > deadlineMs) break;
    await delay(READY_POLL_MS);
  }
  const why = child.running() ? `was not ready after ${deadlineMs} ms` : 'ended while starting';
  const tail = child.log().trimEnd().split('\n').slice(-5).join('\n');
  await child.stop();
  throw new ServerNotStarted(name, why, tail);
}

export class ServerNotStarted extends Error {
  override readonly name = 'ServerNotStarted';
  /**
   * Another process took the port after we found it and before the server bound it. Worth another try on another port.
   */
  readonly portTaken: boolean;
  constructor(server: string, why: string, logTail: string) {
    super(`${server} ${why}; its log ends in:\n${logTail}`);
    this.portTaken = /address already in use/i.test(logTail);
  }
}

/** @returns the pids of the servers that this process started and that still run */
export function livingChildren(): number[] {
  return [...living].map((child) => child.pid ?? -1);
}

function tiedToUs({ program, args }: Command): [string, string[]] {
  const setpriv = process.platform === 'linux' ? findOptionalProgram('setpriv') : undefined;
  if (setpriv === undefined) return [program, [...args]];
  return [setpriv, ['--pdeathsig', 'KILL', '--', program, ...args]];
}

function endWithUs(child: ChildProcess): void {
  living.add(child);
  if (exitHandlerSet) return;
  exitHandlerSet = true;
  process.once('exit', () => {
    for (const each of living) each.kill('SIGKILL');
  });
}
