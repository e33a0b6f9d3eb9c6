import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { becomeReady, type Child, ServerNotStarted, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { findTool } from './tools.ts';

const READY_DEADLINE_MS = 60_000;
const PORT_ATTEMPTS = 5;

/**
 * A server saves nothing unless a caller asks for it. Neither a stop nor a full synchronisation waits for replicas that
 * do not come.
 */
const DEFAULTS = { save: '', appendonly: 'no', 'shutdown-timeout': '0', 'repl-diskless-sync-delay': '0' };

export interface RedisOptions {
  /** Working folder: data, log, configuration. Created when missing. */
  readonly dir: string;
  readonly port?: number;
  readonly databases?: number;
  /** Lines `user …`. They are written to users.acl and loaded from there, so that ACL SAVE works. */
  readonly acl?: readonly string[];
  /** Settings of redis.conf. The values are written as they are. */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * Path of another engine, for example valkey-server.
   *
   * @default the redis-server that `findTool` finds
   */
  readonly binary?: string;
}

export interface RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  readonly exited: Promise<void>;
  url(options?: { readonly user?: string; readonly password?: string; readonly db?: number }): string;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts a server on 127.0.0.1. Waits until it has loaded its data and accepts connections.
 *
 * @throws ServerNotStarted
 */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      return asServer(await launch({ ...options, dir, port }), dir, port);
    } catch (error) {
      const again = error instanceof ServerNotStarted && error.portTaken && options.port === undefined;
      if (!again || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/**
 * Starts a server that has ended again, on its port, with the configuration, the users and the data of its folder.
 *
 * @throws ServerNotStarted
 */
export async function restartRedis({ dir, port }: RedisServer, binary?: string): Promise<RedisServer> {
  return asServer(await run(dir, binary), dir, port);
}

function launch(options: RedisOptions & { readonly port: number }): Promise<Child> {
  // The settings go into a file, because `ps` shows arguments to every user and some settings are passwords.
  writeFileSync(join(options.dir, 'redis.conf'), configuration(options), { mode: 0o600 });
  return run(options.dir, options.binary);
}

async function run(dir: string, binary = findTool('redis-server')): Promise<Child> {
  const child = startChild({
    program: binary,
    args: [join(dir, 'redis.conf')],
    cwd: dir,
    logFile: join(dir, 'redis.log'),
  });
  // The child's own log says when it is ready. A PING would not: after a port clash the other server on that port would
  // answer.
  const ready = () => child.log().includes('Ready to accept connections');
  await becomeReady(child, 'redis-server', ready, READY_DEADLINE_MS);
  return child;
}

function configuration(options: RedisOptions & { readonly port: number }): string {
  const settings: Record<string, string> = {
    bind: '127.0.0.1',
    port: String(options.port),
    dir: quoted(options.dir),
    databases: String(options.databases ?? 16),
    ...DEFAULTS,
    ...options.config,
  };
  if (options.acl !== undefined) {
    const file = join(options.dir, 'users.acl');
    writeFileSync(file, `${options.acl.join('\n')}\n`, { mode: 0o600 });
    settings['aclfile'] = quoted(file);
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value === '' ? '""' : value}`);
  return `${lines.join('\n')}\n`;
}

function quoted(path: string): string {
  return JSON.stringify(path);
}

function asServer(child: Child, dir: string, port: number): RedisServer {
  return {
    port,
    dir,
    pid: child.pid,
    exited: child.exited,
    stop: child.stop,
    kill: child.kill,
    url: ({ user, password, db } = {}) => {
      const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
      const login = user === undefined && password === undefined ? '' : `${user ?? ''}${secret}@`;
      return `redis://${login}127.0.0.1:${port}${db === undefined ? '' : `/${db}`}`;
    },
  };
}
