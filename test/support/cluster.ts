import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisOptions, type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { eventually } from './eventually.ts';
import { makeTempDir } from './temp-dir.ts';
import { connectTo } from './redis.ts';
import { freePort } from '../../servers/free-port.ts';

const SLOTS = 16_384;
const BUS = 10_000;
const MASTERS = 3;
/** The bus port is the port + 10 000. */
const HIGHEST_PORT = 55_000;

export interface TestCluster {
  readonly nodes: readonly RedisServer[];
  /** Follows redirections, as an app does. */
  readonly client: Cluster;
  url(): string;
  /** A command on the node with that number, whoever serves the slot. */
  on(node: number, ...words: readonly (string | number)[]): Promise<unknown>;
  /** Stops a node at once and starts it again with what it has on disk. */
  crash(node: number): Promise<void>;
  idOf(node: number): Promise<string>;
}

type Options = Omit<RedisOptions, 'dir' | 'port'> & { readonly replicaOf?: number };

/** Real masters with the slots shared equally; with `replicaOf` one more node, a replica of that master. */
export function withCluster({ replicaOf, ...options }: Options = {}): TestCluster {
  const dir = makeTempDir();
  let nodes: RedisServer[] = [];
  let client: Cluster | undefined;
  const start = async (node: number, port: number) =>
    startRedis({
      ...options,
      dir: join(dir, String(node)),
      port,
      config: {
        'cluster-enabled': 'yes',
        'cluster-node-timeout': '2000',
        'cluster-require-full-coverage': 'no',
        ...options.config,
      },
    });
  const on = async (node: number, ...[name, ...words]: readonly (string | number)[]) => {
    const one = await connectTo((nodes[node] as RedisServer).port);
    try {
      return await one.call(String(name), words);
    } finally {
      one.disconnect();
    }
  };
  const idOf = async (node: number) => String(await on(node, 'CLUSTER', 'MYID'));
  beforeAll(async () => {
    const count = MASTERS + (replicaOf === undefined ? 0 : 1);
    nodes = await Promise.all(Array.from({ length: count }, async (_node, i) => start(i, await lowPort())));
    for (let i = 0; i < MASTERS; i++) {
      const [from, to] = [Math.floor((i * SLOTS) / MASTERS), Math.floor(((i + 1) * SLOTS) / MASTERS) - 1];
      await on(i, 'CLUSTER', 'ADDSLOTSRANGE', from, to);
      await on(i, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const { port } of nodes.slice(1)) await on(0, 'CLUSTER', 'MEET', '127.0.0.1', port);
    await eventually('every node to know all', async () => {
      const infos = await Promise.all(nodes.map((_node, i) => on(i, 'CLUSTER', 'INFO')));
      return infos.every((info) => /cluster_state:ok/.test(String(info)) && knows(String(info), count));
    });
    if (replicaOf !== undefined) {
      await on(MASTERS, 'CLUSTER', 'REPLICATE', await idOf(replicaOf));
      await eventually('the replica to follow', async () =>
        /master_link_status:up/.test(String(await on(MASTERS, 'INFO', 'replication'))),
      );
    }
    client = new Cluster(
      nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      { redisOptions: { protocol: 2 }, clusterRetryStrategy: () => 50, slotsRefreshInterval: 500 },
    );
    client.on('error', () => undefined);
    await eventually('the client', async () => (await client?.set('ready', '1')) === 'OK');
    await client.del('ready');
  }, 60_000);
  afterAll(async () => {
    client?.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    get nodes() {
      return nodes;
    },
    get client() {
      if (!client) throw new Error('the cluster runs only while tests run');
      return client;
    },
    url: () => (nodes[0] as RedisServer).url(),
    on,
    idOf,
    crash: async (node) => {
      const one = nodes[node] as RedisServer;
      one.kill('SIGKILL');
      await one.exited;
      nodes[node] = await start(node, one.port);
    },
  };
}

function knows(info: string, count: number): boolean {
  return new RegExp(`cluster_known_nodes:${count}\\b`).test(info);
}

async function lowPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < HIGHEST_PORT && port + BUS < 65_536) return port;
  }
}
