import { rmSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf, type Plan, type Side } from '../../../domain/plan/plan.ts';
import { type Shard, shardsOfPlan } from '../../../domain/keys/shard.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { type RedisServer, restartRedis, startRedis } from '../../../servers/redis-server.ts';
import { findTool, type Tool } from '../../../servers/tools.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

/**
 * - `pair`: V1 and V2 have a server each.
 * - `split`: a pair, and three syncs share the keys of the link.
 * - `shared`: V1, Nexten and V2 are databases of one server and hear each other's events.
 * - `valkey`: a pair of Valkey servers.
 * - `mixed`: V1 is a Redis and V2 a Valkey, which do not restore each other's DUMP.
 * - `back`: V1 is a Valkey and V2 a Redis.
 */
export type Topology = 'pair' | 'split' | 'shared' | 'valkey' | 'mixed' | 'back';

type Home = { readonly server: number; readonly db: number };
const PAIR = { v1: { server: 0, db: 0 }, v2: { server: 1, db: 0 } };
const HOMES: Readonly<Record<Topology, Readonly<Record<string, Home>>>> = {
  pair: PAIR,
  split: PAIR,
  valkey: PAIR,
  mixed: PAIR,
  back: PAIR,
  shared: { v1: { server: 0, db: 0 }, nexten: { server: 0, db: 1 }, v2: { server: 0, db: 2 } },
};

const REDIS = 'redis-server';
const VALKEY = 'valkey-server';
/** The engine of each server; `Home.server` is the index. */
const ENGINES: Readonly<Record<Topology, readonly Tool[]>> = {
  pair: [REDIS, REDIS],
  split: [REDIS, REDIS],
  shared: [REDIS],
  valkey: [VALKEY, VALKEY],
  mixed: [REDIS, VALKEY],
  back: [VALKEY, REDIS],
};

/** The keys that the app of each store may touch. */
const PATTERNS: Readonly<Record<string, readonly string[]>> = {
  v1: ['~match:*', '~metrics:*', '~plain:*'],
  nexten: ['~match:*', '~metrics:*', '~plain:*'],
  v2: ['~match:*', '~metrics:*', '~plain:*', '~nx:*'],
};
/** The rights that docs/start.md gives an app, and `+eval`, because an act is a script. */
const RIGHTS = [
  '%R~jday:authority',
  '-@all',
  '+@read',
  '+@write',
  '+@connection',
  '+@transaction',
  '+eval',
  '-@dangerous',
];
const ruleOf = (store: string) => ['reset', 'on', '>secret', ...(PATTERNS[store] ?? []), ...RIGHTS];

export const SCRATCH_DB = 9;
const VARIABLES: Readonly<Record<string, string>> = {
  v1: 'SOURCE_V1',
  nexten: 'SOURCE_NEXTEN',
  v2: 'TARGET_V2',
};
const SIDES = ['source', 'target'] as const;
const DRAIN_MS = 60_000;
const SHARDS = 3;

/** Real servers that keep their data over a restart, their plan, and connections that are renewed after a restart. */
export class World {
  readonly topology: Topology;
  readonly plan: Plan;
  readonly keyspace = keyspaceOf('test');
  readonly #servers: RedisServer[] = [];
  readonly #dirs: readonly string[];
  readonly #open = new Map<string, Redis>();
  readonly #restarted = new Set<number>();

  private constructor(topology: Topology) {
    this.topology = topology;
    this.plan = planFor(Object.keys(HOMES[topology]), topology === 'split' ? SHARDS : 1);
    this.#dirs = ENGINES[topology].map(makeTempDir);
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

  /** The open connection to a store: `admin` as the default user, `app` as the app user, which the fence can stop. */
  connection(store: string, as: 'admin' | 'app' = 'admin', db?: number): Redis {
    const redis = this.#open.get(`${store} ${as} ${db ?? ''}`);
    if (!redis) throw new Error('the world is not ready');
    return redis;
  }

  storeOf(side: Side, link: string): string {
    return side === 'source' ? link : 'v2';
  }

  /** The sides of a link whose server was killed since the last `empty()`. */
  restartedOf(link: string): readonly Side[] {
    const serverOf = (side: Side) => HOMES[this.topology][this.storeOf(side, link)]?.server;
    return SIDES.filter((side) => this.#restarted.has(serverOf(side) ?? -1));
  }

  /** Empties all servers and lets V1 serve. No sync may run meanwhile. */
  async empty(): Promise<void> {
    // A schedule that broke off may have left a connection closed. The next schedule needs an open one.
    await this.#connectAll();
    for (const server of new Set(Object.values(HOMES[this.topology]).map((home) => home.server)))
      await this.#connectionTo(server).flushall();
    this.#restarted.clear();
    await this.#openApps();
    for (const store of Object.keys(HOMES[this.topology]))
      await writeAuthority(await loadScripts(this.connection(store)), { side: 'source', epoch: 1 });
  }

  /**
   * Kills the server with `kill -9` and starts it with its append-only file and its ACL file. So a fence stands again.
   */
  async restart(store: string): Promise<void> {
    const home = HOMES[this.topology][store] as Home;
    this.#restarted.add(home.server);
    this.#server(home.server).kill('SIGKILL');
    await this.#server(home.server).exited;
    // A busy process learns late that these connections are closed. Until then they look open.
    for (const [name, redis] of [...this.#open]) {
      const [of = ''] = name.split(' ');
      if (HOMES[this.topology][of]?.server !== home.server) continue;
      redis.disconnect();
      this.#open.delete(name);
    }
    await this.#start(home.server);
    await this.#connectAll();
  }

  /** Waits until all that each side has accepted has arrived on the other side. */
  async settle(): Promise<void> {
    const target = this.connection('v2');
    for (const side of SIDES)
      await drainLinks(target, this.keyspace, linksOf(this.plan), side, performance.now() + DRAIN_MS);
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
    const binary = findTool(ENGINES[this.topology][at] as Tool);
    const before = this.#servers[at];
    const acl = [
      'user default on nopass ~* &* +@all',
      ...this.#apps(at).map((app) => `user ${app.join(' ')}`),
    ];
    const config = { appendonly: 'yes', appendfsync: 'no' };
    this.#servers[at] = before
      ? await restartRedis(before, binary)
      : await startRedis({ dir: this.#dirs[at] as string, binary, acl, config });
    await this.#connectAll();
  }

  /** The app users of a server, each with its rule. */
  #apps(server: number): readonly (readonly [string, ...string[]])[] {
    return Object.entries(HOMES[this.topology])
      .filter(([, home]) => home.server === server)
      .map(([store]) => [`${store}-app`, ...ruleOf(store)]);
  }

  /** Gives the app users all their rights back, as if no fence had ever stood. */
  async #openApps(): Promise<void> {
    for (const at of this.#servers.keys()) {
      const redis = this.#connectionTo(at);
      for (const app of this.#apps(at)) await redis.call('ACL', ['SETUSER', ...app]);
      await redis.call('ACL', ['SAVE']);
    }
  }

  async #connectAll(): Promise<void> {
    for (const [store, { server, db }] of Object.entries(HOMES[this.topology])) {
      const port = this.#servers[server]?.port;
      if (!port) continue;
      await this.#connect(`${store} admin `, port, { db });
      // The ready check sends INFO, which an app may not run.
      const app = { username: `${store}-app`, password: 'secret', enableReadyCheck: false };
      await this.#connect(`${store} app `, port, { db, ...app });
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
      otherWriters: ['default'],
    })),
  });
}
