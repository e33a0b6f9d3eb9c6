import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { becomeReady, type Child, ServerNotStarted, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { findTool } from './tools.ts';

const READY_DEADLINE_MS = 60_000;
const PORT_ATTEMPTS = 5;

/** Nothing is saved unless asked for; neither stopping nor a full sync waits for replicas that will not come. */
const DEFAULTS = { save: '', appendonly: 'no', 'shutdown-timeout': '0', 'repl-diskless-sync-delay': '0' };

export interface RedisOptions {
  /** Its working folder, made when missing: data, log, configuration. */
  readonly dir: string;
  readonly port?: number;
  readonly databases?: number;
  /** Lines `user …`, written to users.acl and loaded from there, so that ACL SAVE works. */
  readonly acl?: readonly string[];
  /** Lines of redis.conf, values as they stand there. */
  readonly config?: Readonly<Record<string, string>>;
  /** Another engine than the redis-server found, for example valkey-server. */
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

/** Starts a server on 127.0.0.1 and waits until its data is loaded and it accepts connections. */
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

async function launch(options: RedisOptions & { readonly port: number }): Promise<Child> {
  const file = join(options.dir, 'redis.conf');
  // A file and no arguments: `ps` shows arguments to everybody, and some values are passwords (L12).
  writeFileSync(file, configuration(options), { mode: 0o600 });
  const child = startChild({
    program: options.binary ?? findTool('redis-server'),
    args: [file],
    cwd: options.dir,
    logFile: join(options.dir, 'redis.log'),
  });
  // Its own log and no PING: on a port clash a PING would be answered by the other server.
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
