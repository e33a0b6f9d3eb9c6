import { rmSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../../domain/keyspace.ts';
import { linksOf } from '../../../domain/link.ts';
import { type Shard, shardsOfPlan } from '../../../domain/shard.ts';
import type { Plan } from '../../../domain/plan.ts';
import type { Side } from '../../../domain/side.ts';
import { writeAuthority } from '../../../redis/authority.ts';
import { loadScripts } from '../../../redis/scripts/index.ts';
import { drainLinks } from '../../../redis/switch/drain-links.ts';
import { type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { connectTo } from '../../support/redis.ts';
import { dataset, planOf } from '../../support/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

/**
 * `pair`: a server each for V1 and V2. `split`: the same, and the keys of the link are shared out among three syncs.
 * `shared`: V1, Nexten and V2 are databases of one server, and hear each other's events.
 */
export type Topology = 'pair' | 'split' | 'shared';

type Home = { readonly server: number; readonly db: number };
const PAIR = { v1: { server: 0, db: 0 }, v2: { server: 1, db: 0 } };
const HOMES: Readonly<Record<Topology, Readonly<Record<string, Home>>>> = {
  pair: PAIR,
  split: PAIR,
  shared: { v1: { server: 0, db: 0 }, nexten: { server: 0, db: 1 }, v2: { server: 0, db: 2 } },
};

export const SCRATCH_DB = 9;
const VARIABLES: Readonly<Record<string, string>> = {
  v1: 'SOURCE_V1',
  nexten: 'SOURCE_NEXTEN',
  v2: 'TARGET_V2',
};
const DRAIN_MS = 10_000;
const SHARDS = 3;

/** Real servers with data that outlives them, the plan over them, and connections that are there again after a restart. */
export class World {
  readonly topology: Topology;
  readonly plan: Plan;
  readonly keyspace = keyspaceOf('test');
  readonly #servers: RedisServer[] = [];
  readonly #dirs: readonly string[];
  readonly #open = new Map<string, Redis>();

  private constructor(topology: Topology) {
    this.topology = topology;
    this.plan = planFor(Object.keys(HOMES[topology]), topology === 'split' ? SHARDS : 1);
    this.#dirs = Array.from({ length: topology === 'shared' ? 1 : 2 }, makeTempDir);
  }

  static async start(topology: Topology): Promise<World> {
    const world = new World(topology);
    for (const at of world.#dirs.keys()) await world.#start(at);
    return world;
  }

  get links(): readonly string[] {
    return linksOf(this.plan).map((link) => link.name);
  }

  get shards(): readonly Shard[] {
    return shardsOfPlan(this.plan);
  }

  get environment(): Readonly<Record<string, string>> {
    const url = ({ server, db }: Home) => this.#server(server).url({ db });
    return Object.fromEntries(
      Object.entries(HOMES[this.topology]).map(([store, home]) => [VARIABLES[store], url(home)]),
    );
  }

  get ports(): readonly number[] {
    return this.#servers.map((server) => server.port);
  }

  /** As the default user; `app` as the app user of the store, whom the fence can stop. */
  connection(store: string, as: 'admin' | 'app' = 'admin', db?: number): Redis {
    const redis = this.#open.get(`${store} ${as} ${db ?? ''}`);
    if (!redis) throw new Error('the world is not ready');
    return redis;
  }

  storeOf(side: Side, link: string): string {
    return side === 'source' ? link : 'v2';
  }

  /** Everything empty, V1 serving. No sync may run. */
  async empty(): Promise<void> {
    // A schedule that broke off has perhaps left a connection closed; it is not the next one's.
    await this.#connectAll();
    for (const server of new Set(Object.values(HOMES[this.topology]).map((home) => home.server)))
      await this.#connectionTo(server).flushall();
    for (const store of Object.keys(HOMES[this.topology]))
      await writeAuthority(await loadScripts(this.connection(store)), { side: 'source', epoch: 1 });
  }

  /** kill -9, and a start on what the append-only file holds. */
  async restart(store: string): Promise<void> {
    const home = HOMES[this.topology][store] as Home;
    this.#server(home.server).kill('SIGKILL');
    await this.#server(home.server).exited;
    // A busy process hears that they are closed after the server is back: until then they pass for open.
    for (const [name, redis] of [...this.#open]) {
      const [of = ''] = name.split(' ');
      if (HOMES[this.topology][of]?.server !== home.server) continue;
      redis.disconnect();
      this.#open.delete(name);
    }
    await this.#start(home.server);
    await this.#connectAll();
  }

  /** All that both sides accepted has arrived on the other: a barrier through both feeds, then nothing pending. */
  async settle(): Promise<void> {
    const target = this.connection('v2');
    for (const side of ['source', 'target'] as const)
      await drainLinks(target, this.keyspace, linksOf(this.plan), side, Date.now() + DRAIN_MS);
  }

  async stop(): Promise<void> {
    for (const redis of this.#open.values()) redis.disconnect();
    await Promise.all(this.#servers.map((server) => server.stop()));
    for (const dir of this.#dirs) rmSync(dir, { recursive: true, force: true });
  }

  #server(at: number): RedisServer {
    return this.#servers[at] as RedisServer;
  }

  #connectionTo(server: number): Redis {
    const [store] = Object.entries(HOMES[this.topology]).find(([, home]) => home.server === server) ?? [''];
    return this.connection(store);
  }

  async #start(at: number): Promise<void> {
    const dir = this.#dirs[at] as string;
    const port = this.#servers[at]?.port;
    this.#servers[at] = await startRedis({
      dir,
      ...(port ? { port } : {}),
      config: { appendonly: 'yes', appendfsync: 'no' },
    });
    await this.#connectAll();
  }

  async #connectAll(): Promise<void> {
    for (const [store, { server, db }] of Object.entries(HOMES[this.topology])) {
      const port = this.#servers[server]?.port;
      if (!port) continue;
      const admin = await this.#connect(`${store} admin `, port, { db });
      await admin.call('ACL', ['SETUSER', `${store}-app`, 'reset', 'on', '>secret', '~*', '&*', '+@all']);
      await this.#connect(`${store} app `, port, { db, username: `${store}-app`, password: 'secret' });
      await this.#connect(`${store} admin ${SCRATCH_DB}`, port, { db: SCRATCH_DB });
    }
  }

  async #connect(name: string, port: number, options: Parameters<typeof connectTo>[1]): Promise<Redis> {
    const open = this.#open.get(name);
    if (open?.status === 'ready') return open;
    const redis = await connectTo(port, options);
    this.#open.set(name, redis);
    return redis;
  }
}

function planFor(stores: readonly string[], shards: number): Plan {
  const sources = stores.filter((store) => store !== 'v2');
  const datasets = sources.flatMap((from) => {
    const prefix = from === 'nexten' ? 'nx:' : '';
    const name = (kind: string) => `${from}-${kind}`;
    const renamed = (kind: string) =>
      prefix === '' ? {} : { rename: { from: `${kind}:*`, to: `${prefix}${kind}:*` } };
    return [
      dataset({
        name: name('match'),
        from,
        patterns: ['match:*'],
        transform: 'offers_to_jobs',
        ...renamed('match'),
      }),
      dataset({
        name: name('metrics'),
        from,
        patterns: ['metrics:*'],
        rename: { from: 'metrics:*', to: `metrics:${from}:*` },
      }),
      dataset({ name: name('plain'), from, patterns: ['plain:*'], ...renamed('plain') }),
    ];
  });
  return planOf(datasets, {
    shards,
    stores: stores.map((name) => ({
      name,
      side: name === 'v2' ? ('target' as const) : ('source' as const),
      url: `\${${VARIABLES[name] ?? ''}}`,
      appUsers: [`${name}-app`],
    })),
  });
}
