import { Migrations } from '../../../client/migrations.ts';
import { isRunning, phaseIn } from '../../../client/told-progress.ts';
import { jdayInProcess } from '../processes/jday.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { PHASES, type Phase } from '../../../domain/plan/plan.ts';
import type { Progress } from '../../../domain/run/progress.ts';
import { type RedisServer, restartRedis, startRedis } from '../../../servers/redis-server.ts';
import { startTemporal, type TemporalServer } from '../../../servers/temporal-server.ts';
import { findTool } from '../../../servers/tools.ts';
import { startCluster, type TestCluster } from '../servers/cluster.ts';
import { eventually } from '../eventually.ts';
import { ACL, CLUSTER, OUR_PASSWORD, PASSWORD } from '../servers/migration-users.ts';
import { withTempDir } from '../temp-dir.ts';
import type { TlsListener } from '../servers/tls.ts';

export type CommandRun = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type WorldOptions = {
  /** Variables for commands and worker besides addresses and users. `dir`: the folder of the world. */
  readonly environment?: (dir: string) => Readonly<Record<string, string>>;
  /** Stores that are clusters of three masters. Each other store is one server. */
  readonly clusters?: readonly Name[];
  /** Each cluster has one more node, a replica of node 0. */
  readonly replicas?: boolean;
  /** Engine of each store. @defaultValue redis-server */
  readonly engines?: Readonly<Partial<Record<Name, 'redis-server' | 'valkey-server'>>>;
  /** Our user reaches each store by this URL and not by its plain port, and the servers have these settings too. */
  readonly listeners?: Readonly<Record<Name, TlsListener>>;
  /** A server that is killed comes back with every write that it has acknowledged. */
  readonly durable?: boolean;
  /** Temporal keeps its database in `temporal/temporal.db` of the folder of the world. */
  readonly persistent?: boolean;
};
/** Pause between two questions for the phase, ms. */
const POLL_MS = 100;
const DURABLE = { appendonly: 'yes', appendfsync: 'no' };
type Name = 'v1' | 'nexten' | 'v2';

/** Gives a test file three stores with app users, a Temporal server and our worker, as processes of their own. */
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
    (options.listeners?.[name] ?? server(name)).url({ user: 'default', password: OUR_PASSWORD });
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    TEMPORAL_ADDRESS: temporal?.address,
    SOURCE_V1: urlOf('v1'),
    SOURCE_NEXTEN: urlOf('nexten'),
    TARGET_V2: urlOf('v2'),
    V1_APP_USERS: 'app',
    NEXTEN_APP_USERS: 'app',
    V2_APP_USERS: 'app',
    // The tests fill the stores as this user.
    V1_OTHER_WRITERS: 'default',
    NEXTEN_OTHER_WRITERS: 'default',
    V2_OTHER_WRITERS: 'default',
    BACKUP_DIR: join(dir.path, 'backups'),
    ...options.environment?.(dir.path),
  });
  const open = (name: Name, user: 'default' | 'app'): Redis => {
    const password = user === 'app' ? PASSWORD : OUR_PASSWORD;
    const redis = new Redis(server(name).url({ user, password }), { protocol: 2, enableReadyCheck: false });
    redis.on('error', () => undefined);
    clients.push(redis);
    return redis;
  };
  const binaryOf = (name: Name) => {
    const engine = options.engines?.[name];
    return engine && { binary: findTool(engine) };
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
    const ended = await jdayInProcess(args, environment(), (line) => output.push(line));
    return { ...ended, code: ended.code ?? -1 };
  };
  const startWorker = async () => {
    const said: string[] = [];
    const child = launch(['worker', '--metrics-port', '0']);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => said.push(String(data)));
    workers.push(child);
    const port = await eventually(
      'the worker to be ready',
      () => readyPort(said.join('')) ?? (isOver(child) && 'over'),
      { withinMs: 90_000 },
    ).catch(() => 'silent');
    if (typeof port !== 'number') {
      const log = readFileSync(join(dir.path, 'temporal', 'temporal.log'), 'utf8').slice(-2_000);
      throw new Error(`the worker is ${port}; it said: ${said.join('')}; Temporal said: ${log}`);
    }
    metricsPort = port;
  };
  /** Kills the worker that was started last. */
  const killWorker = async () => {
    const worker = workers.pop();
    if (!worker || isOver(worker)) return;
    const gone = once(worker, 'exit');
    worker.kill('SIGKILL');
    await gone;
  };
  /** Ends this worker by SIGTERM, as an operator does. */
  const endWorker = async () => {
    const worker = workers.pop() as ChildProcess;
    const gone = once(worker, 'exit');
    worker.kill('SIGTERM');
    await gone;
  };
  const startOurTemporal = async () => {
    const port = temporal && { port: Number(temporal.address.split(':')[1]) };
    const persistent = options.persistent ?? false;
    temporal = await startTemporal({ dir: join(dir.path, 'temporal'), headless: true, persistent, ...port });
  };
  /** The progress as the verb shows it, which disturbs no worker. */
  const progress = async (): Promise<Progress> => {
    if (!connection) throw new Error('the world runs only while tests run');
    const migrations = new Migrations({ connection, client: new Client({ connection }) });
    return (await migrations.progress(handle().workflowId)).progress;
  };
  /** The phase by the memo of the run, which costs the worker nothing; '' = the run has not told it yet. */
  const phase = async (): Promise<string> => {
    const description = await handle().describe();
    return isRunning(description) ? (phaseIn(description) ?? '') : 'ended';
  };
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
      else {
        const config = { ...(options.durable && DURABLE), ...options.listeners?.[name].config };
        servers.set(name, await startRedis({ dir: place, acl: ACL, config, ...binaryOf(name) }));
      }
    }
    await startOurTemporal();
    if (!temporal) throw new Error('Temporal has not started');
    connection = await Connection.connect({ address: temporal.address });
    await startWorker();
  });
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
    /**
     * Kills a server and starts it again on its port.
     *
     * @param users lines that its users file holds by then; absent = the file stays as it was
     */
    restart: async (name: Name, users?: readonly string[]) => {
      const killed = server(name);
      killed.kill('SIGKILL');
      await killed.exited;
      if (users) writeUsers(killed, users);
      servers.set(name, await restartRedis(killed, binaryOf(name)?.binary));
    },
    /** Writes the users file anew and loads it, as configuration management does. */
    loadUsers: async (name: Name, users: readonly string[]) => {
      writeUsers(server(name), users);
      await open(name, 'default').call('ACL', ['LOAD']);
    },
    cluster,
    environment,
    admin: (name: Name) => open(name, 'default'),
    app: (name: Name) => open(name, 'app'),
    jday,
    launch,
    startWorker,
    /** The process of the worker that was started last. */
    worker: () => {
      const worker = workers.at(-1);
      if (!worker) throw new Error('the world runs only while tests run');
      return worker;
    },
    killWorker,
    endWorker,
    /** `host:port` of the metrics of the worker that was started last. */
    metricsAddress: () => `127.0.0.1:${metricsPort}`,
    handle,
    progress,
    /** Starts Temporal again on the port that it had. */
    startTemporal: startOurTemporal,
    stopTemporal: async () => temporal?.stop(),
    temporalAddress: () => temporal?.address ?? '',
    phase,
    /** Resolves when the phase is over, even if later phases are over too. */
    past: (wanted: Phase) =>
      eventually(`the end of the phase ${wanted}`, async () => isPast(await phase(), wanted), {
        withinMs: 120_000,
        everyMs: POLL_MS,
      }),
    /**
     * Resolves when the run is in the phase.
     *
     * @throws at once if the phase is over already; then the test needs longer days
     */
    inPhase: async (wanted: Progress['phase']) => {
      const reached = async () => {
        const now = await phase();
        return now === wanted || isPast(now, wanted) ? now : Promise.reject(new Error(`in ${now}`));
      };
      const seen = await eventually(`the phase ${wanted}`, reached, {
        withinMs: 150_000,
        everyMs: POLL_MS,
      }).catch(async (error: unknown) => {
        const { waitingFor } = await progress();
        throw new Error(`waits for ${waitingFor.what}: ${waitingFor.why}`, { cause: error });
      });
      if (seen !== wanted) throw new Error(`the phase ${wanted} was over before it was seen; now: ${seen}`);
    },
  };
}

const ORDER: readonly string[] = [...PHASES, 'aborting', 'rolling-back', 'ended'];

function isPast(now: string, wanted: Progress['phase']): boolean {
  return ORDER.indexOf(now) > ORDER.indexOf(wanted);
}

function writeUsers({ dir }: RedisServer, users: readonly string[]): void {
  writeFileSync(join(dir, 'users.acl'), `${users.join('\n')}\n`, { mode: 0o600 });
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * Reads the port from the worker's line `{"metricsPort":N,"msg":"ready"}`; `null` = it has not written the line yet.
 */
function readyPort(said: string): number | null {
  const ready = said.split('\n').find((line) => line.includes('"msg":"ready"'));
  return ready === undefined ? null : (JSON.parse(ready) as { metricsPort: number }).metricsPort;
}
