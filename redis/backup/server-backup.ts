import { join } from 'node:path';
import { makeKeyMap } from '../../domain/keys/key-map.ts';
import { OUR_PREFIX } from '../../domain/keys/keyspace.ts';
import type { Plan, Store } from '../../domain/plan/plan.ts';
import { infoField } from '../client/server-info.ts';
import { serversOf } from '../client/store-servers.ts';
import { type Environment, openStore } from '../client/connection.ts';
import { type ChangeWatch, watchChanges, WatchLost } from './change-watch.ts';
import type { StoreEntry } from './manifest.ts';
import { proveBackup } from './prove.ts';
import { type FetchedRdb, fetchRdb } from './rdb.ts';
import { type SilentStreams, silentStreams } from './silent-streams.ts';
import { type Scratch, withScratch } from './scratch.ts';
import type { Redis } from 'ioredis';
import { assertAtRest, ClusterChanged, isRedirection } from '../client/topology.ts';

const ATTEMPTS = 3;

/**
 * One server with the stores that are databases of it, or with the store whose cluster it belongs to. One RDB holds all
 * of them.
 */
type Server = {
  readonly runId: string;
  /** The file name of its RDB, without the ending. */
  readonly file: string;
  readonly stores: readonly StoreOnServer[];
  readonly node?: NonNullable<StoreEntry['node']>;
};
type StoreOnServer = { readonly store: Store; readonly database: number };

/** The settings of one backup. `folder`: the path of its folder. `report` takes a sentence about the progress. */
export type BackupRun = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
};

/**
 * Groups the stores by server. The run id shows which stores share a server; an address cannot show it. A cluster gives
 * one server for each master.
 */
export async function serversToBackUp(stores: readonly Store[], environment: Environment): Promise<Server[]> {
  const servers = new Map<string, Server>();
  for (const one of stores) {
    const behind = await serversOf(one, environment, 'backup');
    for (const [i, { store, id, slots }] of behind.entries()) {
      const { runId, database } = await identityOf(store, environment);
      const there = servers.get(runId) ?? {
        runId,
        file: behind.length === 1 ? store.name : `${store.name}-${i + 1}`,
        stores: [],
        ...(id !== '' && { node: { id, slots } }),
      };
      servers.set(runId, { ...there, stores: [...there.stores, { store, database }] });
    }
  }
  return [...servers.values()];
}

async function identityOf(
  store: Store,
  environment: Environment,
): Promise<{ runId: string; database: number }> {
  const redis = await openStore(store, environment, 'backup');
  try {
    const runId = infoField(await redis.info('server'), 'run_id') || store.name;
    return { runId, database: redis.options.db ?? 0 };
  } finally {
    redis.disconnect();
  }
}

/**
 * Backs up one server: fetches its RDB, restores it into a scratch server and compares it with each of its stores. If
 * the change feed is lost it starts again, up to three times in all.
 *
 * @throws BackupUnproven, StoreUnreachable, WatchLost
 */
export async function backUpServer(server: Server, run: BackupRun): Promise<StoreEntry[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptBackup(server, run);
    } catch (error) {
      run.signal.throwIfAborted();
      if (!(error instanceof WatchLost) || attempt === ATTEMPTS) throw error;
      run.report(`${nameOf(server)}: change feed lost, taking the backup again`);
    }
  }
}

async function attemptBackup(server: Server, run: BackupRun): Promise<StoreEntry[]> {
  const { store } = firstOf(server);
  const rdb = `${server.file}.rdb`;
  const file = join(run.folder, rdb);
  // We open the watch before the snapshot, so that it records every change from here on.
  const watch = await watchChanges(store, run.environment);
  try {
    const streams = await silentStreamsOf(server, run);
    run.report(`${nameOf(server)}: fetching the RDB`);
    const fetched = await fetchRdb(store, run.environment, file, run.signal);
    if (fetched.runId !== server.runId) throw new WatchLost(store.name);
    run.report(`${nameOf(server)}: ${fetched.bytes} bytes, restoring and comparing`);
    return await withScratch(file, store.name, async (scratch) => {
      const entries: StoreEntry[] = [];
      for (const each of server.stores)
        entries.push({
          ...(await prove(
            each,
            scratch,
            { watch, streams: streams.get(each.store) as SilentStreams },
            { ...fetched, rdb },
            run,
          )),
          ...(server.node && { node: server.node }),
        });
      return entries;
    });
  } finally {
    watch.close();
  }
}

async function silentStreamsOf(
  { stores }: Server,
  { plan, environment, signal }: BackupRun,
): Promise<ReadonlyMap<Store, SilentStreams>> {
  const all = new Map<Store, SilentStreams>();
  for (const { store } of stores) {
    const live = await openStore(store, environment, 'backup-streams');
    try {
      const ownerOf = ownership(plan, store);
      all.set(store, await silentStreams(live, (name) => ownerOf(name) !== null, signal));
    } finally {
      live.disconnect();
    }
  }
  return all;
}

async function prove(
  { store, database }: StoreOnServer,
  scratch: Scratch,
  before: { readonly watch: ChangeWatch; readonly streams: SilentStreams },
  rdb: FetchedRdb & { readonly rdb: string },
  { plan, environment, signal, report }: BackupRun,
): Promise<StoreEntry> {
  const live = await openStore(store, environment, 'backup-proof');
  try {
    const copy = await scratch.open(database);
    const ownerOf = ownership(plan, store);
    const proof = await proveBackup({ store: store.name, scratch: copy, live, ...before, ownerOf, signal });
    report(`${store.name}: ${proof.keys} keys proven, ${proof.changedSince} changed meanwhile`);
    return { name: store.name, side: store.side, database, ...rdb, ...proof, datasets: [...proof.datasets] };
  } finally {
    live.disconnect();
  }
}

/**
 * Returns a function that names the owner of a key for the proof; `null` = the proof ignores the key. On the target
 * every key counts except our own records. Keys there that no dataset owns must be unharmed too.
 */
function ownership(plan: Plan, store: Store): (key: string) => string | null {
  if (store.side === 'target') {
    const keys = makeKeyMap(plan.datasets);
    return (key) => (key.startsWith(OUR_PREFIX) ? null : (keys.owner('target', key)?.name ?? 'other keys'));
  }
  const keys = makeKeyMap(plan.datasets.filter((dataset) => dataset.from === store.name));
  return (key) => keys.owner('source', key)?.name ?? null;
}

function firstOf(server: Server): StoreOnServer {
  const [first] = server.stores;
  if (!first) throw new Error('a server without stores');
  return first;
}

function nameOf(server: Server): string {
  return server.stores.map(({ store }) => store.name).join(' + ');
}

/**
 * Runs `work` and checks that no slot moves meanwhile. The RDBs of several nodes are one backup only if no slot
 * changes its node. Otherwise a key that moves could be in none of the RDBs, and the separate proof of each RDB would
 * not notice.
 *
 * @throws ClusterChanged when a slot moves; the backup must be taken again
 */
export async function withSlotsAtRest<T>(
  { stores }: Plan,
  environment: Environment,
  work: () => Promise<T>,
): Promise<T> {
  const clusters: Redis[] = [];
  try {
    for (const store of stores.filter(({ cluster }) => cluster))
      clusters.push(await openStore(store, environment, 'backup'));
    const assertAllAtRest = async () => {
      for (const redis of clusters) await assertAtRest(redis);
    };
    await assertAllAtRest();
    const done = await work().catch(async (error: unknown) => {
      // While keys change their nodes, the result of a proof says nothing about the backup. Then we throw
      // ClusterChanged.
      await assertAllAtRest();
      throw isRedirection(error) ? new ClusterChanged() : error;
    });
    await assertAllAtRest();
    return done;
  } finally {
    for (const redis of clusters) redis.disconnect();
  }
}
