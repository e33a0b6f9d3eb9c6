import { join } from 'node:path';
import { makeKeyMap } from '../../domain/key-map.ts';
import { OUR_PREFIX } from '../../domain/keyspace.ts';
import type { Plan, Store } from '../../domain/plan.ts';
import { serversOf } from '../cluster/servers-of.ts';
import { type Environment, openStore } from '../connection.ts';
import { type ChangeWatch, WatchLost, watchChanges } from './change-watch.ts';
import type { StoreEntry } from './manifest.ts';
import { proveBackup } from './prove.ts';
import { type FetchedRdb, fetchRdb } from './rdb.ts';
import { type Scratch, withScratch } from './scratch.ts';

const ATTEMPTS = 3;

/** One redis-server and the stores that are databases of it, or the store that it is a node of: one RDB holds them all. */
export type Server = {
  readonly runId: string;
  /** Of its RDB, without ending. */
  readonly file: string;
  readonly stores: readonly StoreOnServer[];
  readonly node?: NonNullable<StoreEntry['node']>;
};
export type StoreOnServer = { readonly store: Store; readonly database: number };

export type BackupRun = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
};

/** Finds out by run id which stores share a server: addresses do not tell (B1). A cluster is a server for each master. */
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
    const runId = /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? store.name;
    return { runId, database: redis.options.db ?? 0 };
  } finally {
    redis.disconnect();
  }
}

/**
 * RDB of one server, restored into a scratch server and compared for each of its stores.
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
  // Before the snapshot: what changes from here on is known to have changed.
  const watch = await watchChanges(store, run.environment);
  try {
    run.report(`${nameOf(server)}: fetching the RDB`);
    const fetched = await fetchRdb(store, run.environment, file, run.signal);
    if (fetched.runId !== server.runId) throw new WatchLost(store.name);
    run.report(`${nameOf(server)}: ${fetched.bytes} bytes, restoring and comparing`);
    return await withScratch(file, store.name, async (scratch) => {
      const entries: StoreEntry[] = [];
      for (const each of server.stores)
        entries.push({
          ...(await prove(each, scratch, watch, { ...fetched, rdb }, run)),
          ...(server.node && { node: server.node }),
        });
      return entries;
    });
  } finally {
    watch.close();
  }
}

async function prove(
  { store, database }: StoreOnServer,
  scratch: Scratch,
  watch: ChangeWatch,
  rdb: FetchedRdb & { readonly rdb: string },
  { plan, environment, signal, report }: BackupRun,
): Promise<StoreEntry> {
  const live = await openStore(store, environment, 'backup-proof', { socketTimeout: undefined });
  try {
    const copy = await scratch.open(database);
    const ownerOf = ownership(plan, store);
    const proof = await proveBackup({ store: store.name, scratch: copy, live, watch, ownerOf, signal });
    report(`${store.name}: ${proof.keys} keys proven, ${proof.changedSince} changed meanwhile`);
    return { name: store.name, side: store.side, database, ...rdb, ...proof, datasets: [...proof.datasets] };
  } finally {
    live.disconnect();
  }
}

/** On the target everything counts but our own traces: what we do not own there we must not have harmed. */
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
