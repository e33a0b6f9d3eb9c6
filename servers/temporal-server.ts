import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { becomeReady, type Child, ServerNotStarted, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { plainEnvironment } from './plain-environment.ts';
import { findTool } from './tools.ts';

const READY_DEADLINE_MS = 60_000;
const PORT_ATTEMPTS = 5;
const HOST = '127.0.0.1';

export interface TemporalOptions {
  /** Working folder: the log and, when `persistent`, the data. Created when missing. */
  readonly dir: string;
  readonly port?: number;
  readonly uiPort?: number;
  /** Starts no web UI. */
  readonly headless?: boolean;
  /** Keeps the workflows when the server restarts in the same folder. */
  readonly persistent?: boolean;
  /** Registers our search attributes at the start. Otherwise the worker registers them. */
  readonly searchAttributes?: boolean;
}

export interface TemporalServer {
  readonly address: string;
  readonly uiUrl: string | null;
  readonly pid: number;
  readonly exited: Promise<void>;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts the development server of the Temporal CLI. Waits until its namespace `default` answers.
 *
 * @throws ServerNotStarted
 */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const uiPort = options.headless ? null : (options.uiPort ?? (await freePort()));
    try {
      const child = await launch({ ...options, dir }, port, uiPort);
      return {
        address: `${HOST}:${port}`,
        uiUrl: uiPort === null ? null : `http://${HOST}:${uiPort}`,
        pid: child.pid,
        exited: child.exited,
        stop: child.stop,
        kill: child.kill,
      };
    } catch (error) {
      const again = error instanceof ServerNotStarted && error.portTaken && options.port === undefined;
      if (!again || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function launch(options: TemporalOptions, port: number, uiPort: number | null): Promise<Child> {
  const program = findTool('temporal');
  const child = startChild({
    program,
    args: startArguments(options, port, uiPort),
    cwd: options.dir,
    logFile: join(options.dir, 'temporal.log'),
  });
  const ready = async () => (await accepts(port)) && (await namespaceAnswers(program, port));
  await becomeReady(child, 'temporal', ready, READY_DEADLINE_MS);
  return child;
}

function startArguments(options: TemporalOptions, port: number, uiPort: number | null): string[] {
  const args = [
    'server',
    'start-dev',
    '--ip',
    HOST,
    '--port',
    String(port),
    '--log-level',
    'warn',
    '--disable-config-file',
  ];
  if (uiPort === null) args.push('--headless');
  else args.push('--ui-port', String(uiPort), '--ui-disable-news-fetch');
  if (options.persistent) args.push('--db-filename', join(options.dir, 'temporal.db'));
  if (options.searchAttributes) {
    for (const name of ['MigrationPhase', 'MigrationAuthority', 'MigrationDay'])
      args.push('--search-attribute', `${name}=Keyword`);
  }
  return args;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, HOST);
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', () => answer(false));
  });
}

function namespaceAnswers(program: string, port: number): Promise<boolean> {
  const where = ['--address', `${HOST}:${port}`, '--disable-config-file'];
  const args = ['operator', 'namespace', 'describe', '-n', 'default', ...where];
  return new Promise((answer) => {
    execFile(program, args, { env: plainEnvironment(), timeout: 5_000 }, (error) => answer(error === null));
  });
}
