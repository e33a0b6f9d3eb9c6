import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisOptions, type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { eventually } from '../eventually.ts';
import { makeTempDir } from '../temp-dir.ts';
import { connectTo } from './redis.ts';
import type { TestTls } from './tls.ts';
import { freePort } from '../../../servers/free-port.ts';

const SLOTS = 16_384;
const MASTERS = 3;

export interface TestCluster {
  readonly nodes: readonly RedisServer[];
  /** Password of the default user. */
  readonly password: string | undefined;
  /** Follows redirections, as an app does. */
  readonly client: Cluster;
  /** Addresses of all nodes, separated by commas; with TLS, if the nodes listen with TLS too. */
  url(login?: Login): string;
  /** Opens another such client for a user. */
  clientOf(login: Login): Cluster;
  /** Runs a command on the node with this number, whether or not it serves the slot. */
  on(node: number, ...words: readonly (string | number)[]): Promise<unknown>;
  /** Runs a command on every node. */
  onAll(...words: readonly (string | number)[]): Promise<unknown[]>;
  /** Kills a node and starts it again with what it has on disk. */
  crash(node: number): Promise<void>;
  /** Kills a node for good. */
  kill(node: number): Promise<void>;
  idOf(node: number): Promise<string>;
  stop(): Promise<void>;
}

type Login = { readonly user: string; readonly password: string };
type Options = Omit<RedisOptions, 'dir' | 'port'> & {
  readonly replicaOf?: number;
  /** Password of the default user, if `acl` gives it one. */
  readonly password?: string;
  /** The nodes listen with TLS too, and speak TLS to each other. */
  readonly tls?: TestTls;
};

/**
 * Starts real masters that share the slots equally, for one test file. With `replicaOf` there is one more node, a
 * replica of that master.
 */
export function withCluster(options: Options = {}): TestCluster {
  const dir = makeTempDir();
  let started: TestCluster | undefined;
  const running = () => {
    if (!started) throw new Error('the cluster runs only while tests run');
    return started;
  };
  beforeAll(async () => {
    started = await startCluster(dir, options);
  });
  afterAll(async () => {
    await started?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    get nodes() {
      return running().nodes;
    },
    password: options.password,
    get client() {
      return running().client;
    },
    url: (login) => running().url(login),
    clientOf: (login) => running().clientOf(login),
    on: (node, ...words) => running().on(node, ...words),
    onAll: (...words) => running().onAll(...words),
    idOf: (node) => running().idOf(node),
    crash: (node) => running().crash(node),
    kill: (node) => running().kill(node),
    stop: () => running().stop(),
  };
}

export async function startCluster(
  dir: string,
  { replicaOf, password, tls, ...options }: Options = {},
): Promise<TestCluster> {
  const count = MASTERS + (replicaOf === undefined ? 0 : 1);
  // By default the bus port is the port + 10 000, which another process may have.
  const busPorts = await Promise.all(Array.from({ length: count }, freePort));
  const listeners = await Promise.all(busPorts.map(() => tls?.listener()));
  const start = (node: number, port?: number) =>
    startRedis({
      ...options,
      dir: join(dir, String(node)),
      ...(port !== undefined && { port }),
      config: {
        'cluster-enabled': 'yes',
        'cluster-port': String(busPorts[node]),
        'cluster-node-timeout': '2000',
        'cluster-require-full-coverage': 'no',
        ...(listeners[node] && { ...listeners[node].config, 'tls-cluster': 'yes', 'tls-replication': 'yes' }),
        ...options.config,
      },
    });
  const nodes = await startAll(busPorts.map((_port, node) => () => start(node)));
  const on = async (node: number, ...[name, ...words]: readonly (string | number)[]) => {
    const one = await connectTo(
      (nodes[node] as RedisServer).port,
      password === undefined ? {} : { password },
    );
    try {
      return await one.call(String(name), words);
    } finally {
      one.disconnect();
    }
  };
  await meet({ count, replicaOf, on, nodes, busPorts });
  const clients: Cluster[] = [];
  const clientOf = (login: Partial<Login>) => {
    const { user: username, password: secret } = login;
    const client = new Cluster(
      nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      {
        redisOptions: {
          protocol: 2,
          enableReadyCheck: false,
          ...(username !== undefined && { username }),
          ...(secret !== undefined && { password: secret }),
        },
        enableReadyCheck: false,
        clusterRetryStrategy: () => 50,
        slotsRefreshInterval: 500,
      },
    );
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const client = clientOf(password === undefined ? {} : { password });
  await eventually('the client', async () => (await client.set('ready', '1')) === 'OK');
  await client.del('ready');
  const kill = async (node: number) => {
    const one = nodes[node] as RedisServer;
    one.kill('SIGKILL');
    await one.exited;
  };
  return {
    nodes,
    password,
    client,
    clientOf,
    url: (login) => nodes.map((node, i) => listeners[i]?.url(login) ?? node.url(login)).join(','),
    on,
    onAll: (...words) => Promise.all(nodes.map((_node, i) => on(i, ...words))),
    idOf: async (node) => String(await on(node, 'CLUSTER', 'MYID')),
    kill,
    crash: async (node) => {
      await kill(node);
      nodes[node] = await start(node, (nodes[node] as RedisServer).port);
    },
    stop: async () => {
      for (const one of clients) one.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** Starts all, or none: if one cannot start, the others are stopped. */
async function startAll(starts: readonly (() => Promise<RedisServer>)[]): Promise<RedisServer[]> {
  const started = await Promise.allSettled(starts.map((start) => start()));
  const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = started.find((one) => one.status === 'rejected');
  if (!failed) return running;
  await Promise.all(running.map((one) => one.stop()));
  throw failed.reason;
}

type Meeting = Pick<TestCluster, 'nodes' | 'on'> & {
  readonly count: number;
  readonly replicaOf: number | undefined;
  readonly busPorts: readonly number[];
};

async function meet({ count, replicaOf, nodes, on, busPorts }: Meeting): Promise<void> {
  for (let i = 0; i < MASTERS; i++) {
    const [from, to] = [Math.floor((i * SLOTS) / MASTERS), Math.floor(((i + 1) * SLOTS) / MASTERS) - 1];
    await on(i, 'CLUSTER', 'ADDSLOTSRANGE', from, to);
    await on(i, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  }
  for (const [i, { port }] of nodes.entries())
    if (i > 0) await on(0, 'CLUSTER', 'MEET', '127.0.0.1', port, busPorts[i] as number);
  await eventually('every node to know all', async () => {
    const infos = await Promise.all(nodes.map((_node, i) => on(i, 'CLUSTER', 'INFO')));
    return infos.every((info) => knows(String(info), count));
  });
  if (replicaOf === undefined) return;
  await on(MASTERS, 'CLUSTER', 'REPLICATE', String(await on(replicaOf, 'CLUSTER', 'MYID')));
  await eventually('the replica to follow', async () =>
    /master_link_status:up/.test(String(await on(MASTERS, 'INFO', 'replication'))),
  );
  // Masters vote only for a node that they know as a replica.
  await eventually('every node to know the replica', async () => {
    const told = await Promise.all(nodes.map((_node, i) => on(i, 'CLUSTER', 'NODES')));
    return told.every((text) => / (?:myself,)?slave /.test(String(text)));
  });
}

function knows(info: string, count: number): boolean {
  const all = [/cluster_state:ok/, /cluster_slots_ok:16384/, new RegExp(`cluster_known_nodes:${count}\\b`)];
  return all.every((one) => one.test(info));
}
