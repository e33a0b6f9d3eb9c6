import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tagged } from '../../../domain/keys/slot.ts';
import {
  type Engine,
  foundEngines,
  misnamedEngines,
  NAME_A_NEWER_ENGINE,
} from '../../../servers/found-engines.ts';
import { startRedis } from '../../../servers/redis-server.ts';
import { openStore } from '../../client/connection.ts';
import { alert, green, reasonOf, red, type ServerUnderTest, type StoreUnderTest } from '../finding.ts';
import type { NamedCheck, PreflightWorld } from '../world.ts';

/** Expiry of a probe key, ms. If the worker dies before it deletes the key, the key expires. */
const PROBE_TTL_MS = 60_000;

export const PROBE: NamedCheck = {
  name: 'probe',
  scope: 'server',
  looksAt:
    'a key under our own prefix, written with an expiry, read back and deleted: both directions will write',
  look: async ({ redis, tag }, world) => {
    const expected = 'a probe key comes back as it was written';
    const key = tagged(world.keyspace.probe('preflight'), tag);
    const value = randomBytes(16);
    try {
      await redis.set(key, value, 'PX', PROBE_TTL_MS);
      const back = await redis.getBuffer(key);
      const ttl = await redis.pttl(key);
      if (back?.equals(value) && ttl > 0) return green('written, read back, deleted', expected);
      return red(
        'it came back different',
        expected,
        'Look for a proxy or a script that changes values or expiries.',
      );
    } catch (error) {
      const remedy = 'Grant our user SET, GET and DEL on jday:*, and see that the server accepts writes.';
      return red(reasonOf(error), expected, remedy);
    } finally {
      await redis.del(key).catch(() => undefined);
    }
  },
};

export const PAYLOAD: NamedCheck = {
  name: 'payload version',
  scope: 'link',
  looksAt: 'whether each side restores what the other dumps; if not, values travel by commands instead',
  look: async ({ source, target }, world) => {
    const expected = 'source and target restore each other’s DUMP';
    const [up, down] = [await allCarry(source, target, world), await allCarry(target, source, world)];
    if (up && down) return green('both ways', expected);
    const found = up
      ? 'the source does not restore what V2 dumps: values travel by commands'
      : 'V2 does not restore what the source dumps: values travel by commands';
    const remedy =
      'Values of modules cannot travel like that and go to quarantine: bring both sides to one version if you have any.';
    return alert(found, expected, remedy);
  },
};

export const SCRATCH: NamedCheck = {
  name: 'scratch server',
  scope: 'plan',
  looksAt:
    'whether the Redis and Valkey servers on the worker’s machine can load the stores’ data: they prove the backups',
  look: async (world) => {
    const expected = 'a redis-server or valkey-server here that restores every store’s DUMP';
    const misnamed = misnamedEngines();
    if (misnamed.length > 0)
      return red(`${misnamed.join(', ')} names no program`, expected, NAME_A_NEWER_ENGINE);
    const engines = await foundEngines();
    if (engines.length === 0) return red('none was found', expected, NAME_A_NEWER_ENGINE);
    let refused: readonly StoreUnderTest[] = world.stores;
    for (const engine of engines) refused = await refusedBy(engine, refused, world);
    if (refused.length > 0) {
      const names = refused.map(({ store }) => store.name).join(', ');
      const asked = engines.map(({ name, version }) => `${name} ${version}`).join(', ');
      return red(`${asked}: cannot restore data of ${names}`, expected, NAME_A_NEWER_ENGINE);
    }
    if (world.unreachable.length === 0)
      return green(`restores data of ${world.stores.length} stores`, expected);
    return alert('not every store could be asked', expected, 'Make every store reachable first.');
  },
};

/** Returns the stores whose DUMP an engine of this machine does not restore. */
async function refusedBy(
  { path }: Engine,
  stores: readonly StoreUnderTest[],
  world: PreflightWorld,
): Promise<readonly StoreUnderTest[]> {
  if (stores.length === 0) return [];
  const dir = await mkdtemp(join(tmpdir(), 'jday-preflight-'));
  const server = await startRedis({ dir, binary: path }).catch(() => null);
  try {
    if (server === null) return stores;
    const store = { name: 'scratch', side: 'source', url: server.url(), appUsers: [] } as const;
    const scratch = { redis: await openStore(store, {}, 'preflight'), tag: '' };
    const refused: StoreUnderTest[] = [];
    for (const one of stores) if (!(await allCarry(one, { servers: [scratch] }, world))) refused.push(one);
    scratch.redis.disconnect();
    return refused;
  } finally {
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

type End = Pick<ServerUnderTest, 'redis' | 'tag'>;
type Ends = { readonly servers: readonly End[] };

/** Returns whether every server of `to` restores the DUMP of every server of `from`. */
async function allCarry(from: Ends, to: Ends, world: PreflightWorld): Promise<boolean> {
  for (const one of from.servers)
    for (const other of to.servers) if (!(await carries(one, other, world))) return false;
  return true;
}

/** Returns whether the server `other` restores the DUMP of a probe key of the server `one`. */
async function carries(one: End, other: End, world: PreflightWorld): Promise<boolean> {
  const [from, to] = [one.redis, other.redis];
  const out = tagged(world.keyspace.probe('payload-out'), one.tag);
  const back = tagged(world.keyspace.probe('payload-back'), other.tag);
  try {
    await from.set(out, 'probe', 'PX', PROBE_TTL_MS);
    const payload = await from.dumpBuffer(out);
    if (payload === null) return false;
    await to.restore(back, PROBE_TTL_MS, payload, 'REPLACE');
    return (await to.get(back)) === 'probe';
  } catch (error) {
    if (/DUMP payload version|Bad data format/i.test(error instanceof Error ? error.message : ''))
      return false;
    throw error;
  } finally {
    await Promise.allSettled([from.del(out), to.del(back)]);
  }
}
