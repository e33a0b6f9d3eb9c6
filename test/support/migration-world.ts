import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { PHASES, type Phase } from '../../domain/phase.ts';
import type { Progress } from '../../domain/progress.ts';
import { NEEDED_COMMANDS } from '../../redis/preflight/needed-commands.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { startTemporal, type TemporalServer } from '../../servers/temporal-server.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import { withTempDir } from './temp-dir.ts';

export const PASSWORD = 'p4ss-of-the-app-user';
export const OUR_PASSWORD = 'p4ss-of-our-own-user';
const ACL = [
  `user default on >${OUR_PASSWORD} ~* &* +@all`,
  `user app on >${PASSWORD} ~* &* +@all -@dangerous`,
];

const NEEDED = NEEDED_COMMANDS.map((command) => `+${command}`).join(' ');
/** Nodes of a cluster log in to each other as the default user; we have the rights that docs/start.md gives us, and no other. */
const CLUSTER = {
  acl: [...ACL, `user jday on >${OUR_PASSWORD} ~* &__redis__:invalidate -@all ${NEEDED}`],
  password: OUR_PASSWORD,
  config: { masterauth: OUR_PASSWORD },
};

export type CommandRun = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type WorldOptions = {
  /** What commands and worker find in their environment besides addresses and users, for the folder of the world. */
  readonly environment?: (dir: string) => Readonly<Record<string, string>>;
  /** Stores that are clusters of three masters; the others are one server each. */
  readonly clusters?: readonly Name[];
  /** Each cluster has one more node, a replica of node 0. */
  readonly replicas?: boolean;
};
type Name = 'v1' | 'nexten' | 'v2';

/** Three stores with app users, a Temporal server and our worker as processes of their own, for one test file. */
export function withMigrationWorld(options: WorldOptions = {}) {
  const dir = withTempDir();
  const servers = new Map<Name, RedisServer>();
  const clusters = new Map<Name, TestCluster>();
  const clients: Redis[] = [];
  const output: string[] = [];
  let temporal: TemporalServer | undefined;
  const workers: ChildProcess[] = [];
  let metricsPort = 0;
  let connection: Connection | undefined;

  const server = (name: Name): RedisServer => {
    const running = servers.get(name);
    if (!running) throw new Error('the world runs only while tests run');
    return running;
  };
  const cluster = (name: Name): TestCluster => {
    const running = clusters.get(name);
    if (!running) throw new Error('this store is no cluster, or the world does not run');
    return running;
  };
  const urlOf = (name: Name): string =>
    clusters.get(name)?.url({ user: 'jday', password: OUR_PASSWORD }) ??
    server(name).url({ user: 'default', password: OUR_PASSWORD });
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    TEMPORAL_ADDRESS: temporal?.address,
    SOURCE_V1: urlOf('v1'),
    SOURCE_NEXTEN: urlOf('nexten'),
    TARGET_V2: urlOf('v2'),
    V1_APP_USERS: 'app',
    NEXTEN_APP_USERS: 'app',
    V2_APP_USERS: 'app',
    BACKUP_DIR: join(dir.path, 'backups'),
    ...options.environment?.(dir.path),
  });
  const open = (name: Name, user: 'default' | 'app'): Redis => {
    const password = user === 'app' ? PASSWORD : OUR_PASSWORD;
    const redis = new Redis(server(name).url({ user, password }), { protocol: 2, enableReadyCheck: false });
    clients.push(redis);
    return redis;
  };
  const launch = (args: readonly string[]): ChildProcess => {
    const child = spawn(process.execPath, ['client/jday.mjs', ...args], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data) => output.push(String(data)));
    return child;
  };
  const jday = async (...args: readonly string[]): Promise<CommandRun> => {
    const child = launch(args);
    const stdout: string[] = [];
    const stderr: string[] = [];
    child.stdout?.on('data', (data) => stdout.push(String(data)));
    child.stderr?.on('data', (data) => stderr.push(String(data)));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, stdout: stdout.join(''), stderr: stderr.join('') };
  };
  const startWorker = async () => {
    const said: string[] = [];
    const child = launch(['worker', '--metrics-port', '0']);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => said.push(String(data)));
    workers.push(child);
    const port = await eventually(
      'the worker to be ready',
      () => readyPort(said.join('')) ?? (isOver(child) && 'over'),
      { withinMs: 60_000 },
    ).catch(() => 'silent');
    if (typeof port !== 'number') {
      const log = readFileSync(join(dir.path, 'temporal', 'temporal.log'), 'utf8').slice(-2_000);
      throw new Error(`the worker is ${port}; it said: ${said.join('')}; Temporal said: ${log}`);
    }
    metricsPort = port;
  };
  /** The one that was started last. */
  const killWorker = async () => {
    const worker = workers.pop();
    if (!worker || isOver(worker)) return;
    const gone = once(worker, 'exit');
    worker.kill('SIGKILL');
    await gone;
  };
  const progress = async (): Promise<Progress> => handle().query('progress');
  const handle = () => {
    if (!connection) throw new Error('the world runs only while tests run');
    return new Client({ connection }).workflow.getHandle('jday-supersmartmatch');
  };

  beforeAll(async () => {
    for (const name of ['v1', 'nexten', 'v2'] as const) {
      const place = join(dir.path, name);
      if (options.clusters?.includes(name))
        clusters.set(
          name,
          await startCluster(place, { ...CLUSTER, ...(options.replicas && { replicaOf: 0 }) }),
        );
      else servers.set(name, await startRedis({ dir: place, acl: ACL }));
    }
    temporal = await startTemporal({ dir: join(dir.path, 'temporal'), headless: true });
    connection = await Connection.connect({ address: temporal.address });
    await startWorker();
  }, 120_000);
  afterAll(async () => {
    for (const redis of clients) redis.disconnect();
    while (workers.length > 0) await killWorker();
    await connection?.close();
    await temporal?.stop();
    for (const each of [...servers.values(), ...clusters.values()]) await each.stop();
  });
  return {
    dir,
    output,
    server,
    cluster,
    environment,
    admin: (name: Name) => open(name, 'default'),
    app: (name: Name) => open(name, 'app'),
    jday,
    launch,
    startWorker,
    /** The process of the worker started last. */
    worker: () => {
      const worker = workers.at(-1);
      if (!worker) throw new Error('the world runs only while tests run');
      return worker;
    },
    killWorker,
    /** `host:port` of the metrics of the worker started last. */
    metricsAddress: () => `127.0.0.1:${metricsPort}`,
    handle,
    progress,
    temporalAddress: () => temporal?.address ?? '',
    /** The phase is over, whichever has come since. */
    past: (phase: Phase) =>
      eventually(`the end of the phase ${phase}`, async () => isPast((await progress()).phase, phase), {
        withinMs: 120_000,
      }),
    /** @throws at once when the phase is over: a test that has to meet one needs days that are long enough. */
    inPhase: async (phase: Progress['phase']) => {
      const seen = await eventually(
        `the phase ${phase}`,
        async () => {
          const now = await progress();
          if (now.phase === phase || isPast(now.phase, phase)) return now;
          throw new Error(`in ${now.phase}, waiting for ${now.waitingFor.what}: ${now.waitingFor.why}`);
        },
        { withinMs: 120_000 },
      );
      if (seen.phase !== phase)
        throw new Error(`the phase ${phase} was over before it was seen; now: ${seen.phase}`);
    },
  };
}

const ORDER: readonly Progress['phase'][] = [...PHASES, 'aborting', 'rolling-back', 'ended'];

function isPast(now: Progress['phase'], wanted: Progress['phase']): boolean {
  return ORDER.indexOf(now) > ORDER.indexOf(wanted);
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Of the worker's line `{"metricsPort":N,"msg":"ready"}`; `null`: it has not said so yet. */
function readyPort(said: string): number | null {
  const ready = said.split('\n').find((line) => line.includes('"msg":"ready"'));
  return ready === undefined ? null : (JSON.parse(ready) as { metricsPort: number }).metricsPort;
}
