import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tagged } from '../../domain/slot.ts';
import { startRedis } from '../../servers/redis-server.ts';
import { openStore } from '../connection.ts';
import { alert, type Finding, green, reasonOf, red } from './finding.ts';
import type { ServerUnderTest } from './subject.ts';
import type { NamedCheck, World } from './world.ts';

/** If we die between writing and deleting a probe it goes by itself. */
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
    'whether the redis-server on the worker’s machine can load the stores’ data: it proves the backups (L10)',
  look: async (world) => {
    const expected = 'a redis-server here that restores every store’s DUMP';
    const remedy = 'Install a redis-server on the worker’s machine that is as new as the newest store.';
    const dir = await mkdtemp(join(tmpdir(), 'jday-preflight-'));
    const server = await startRedis({ dir }).catch(() => null);
    if (server === null) {
      await rm(dir, { recursive: true, force: true });
      return red('none could be started', expected, remedy);
    }
    try {
      const store = { name: 'scratch', side: 'source', url: server.url(), appUsers: [] } as const;
      const redis = await openStore(store, {}, 'preflight');
      return await restoresAll(world, { redis, tag: '' }, expected, remedy);
    } finally {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    }
  },
};

async function restoresAll(world: World, scratch: End, expected: string, remedy: string): Promise<Finding> {
  const refused: string[] = [];
  for (const store of world.stores) {
    if (!(await allCarry(store, { servers: [scratch] }, world))) refused.push(store.store.name);
  }
  if (refused.length > 0) return red(`it cannot restore data of ${refused.join(', ')}`, expected, remedy);
  if (world.unreachable.length === 0)
    return green(`restores data of ${world.stores.length} stores`, expected);
  return alert('not every store could be asked', expected, 'Make every store reachable first.');
}

type End = Pick<ServerUnderTest, 'redis' | 'tag'>;
type Ends = { readonly servers: readonly End[] };

/** Whether what every server of one store dumps is restored by every one of the other. */
async function allCarry(from: Ends, to: Ends, world: World): Promise<boolean> {
  for (const one of from.servers)
    for (const other of to.servers) if (!(await carries(one, other, world))) return false;
  return true;
}

/** Whether the payload of a probe key of one server is restored by the other. */
async function carries(one: End, other: End, world: World): Promise<boolean> {
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
