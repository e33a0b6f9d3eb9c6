import { withoutTouch } from '../../client/connection.ts';
import {
  alert,
  type CheckFinding,
  green,
  type LinkUnderTest,
  red,
  type ServerUnderTest,
  type StoreUnderTest,
  worstOf,
} from '../finding.ts';
import type { NamedCheck, PreflightWorld } from '../world.ts';

const HEADROOM = 1.3;
/** Bytes that the ledger on V2 takes for one key (docs/scale.md). */
const LEDGER_BYTES = 137;

export const MEMORY: NamedCheck = {
  name: 'memory',
  scope: 'plan',
  looksAt:
    'memory left on V2 against 1.3 × what the datasets take on the sources and the ledger beside them, estimated by their share of keys; each node of a cluster against its share of the slots',
  look: async (world) => {
    const target = targetUnderTest(world);
    const needs = await Promise.all(world.links.map((link) => bytesOf(link, world)));
    const needed = Math.ceil(HEADROOM * needs.reduce((sum, bytes) => sum + bytes, 0));
    return worstOf(target.servers.map((server) => roomOf(server, Math.ceil(needed * server.share))));
  },
};

function roomOf({ info }: ServerUnderTest, needed: number): CheckFinding {
  const maxmemory = Number(info('maxmemory'));
  const limit = maxmemory || Number(info('total_system_memory'));
  const left = Math.max(0, limit - Number(info('used_memory')));
  const found = `${mb(left)} left ${maxmemory ? 'below maxmemory' : 'on the machine, no maxmemory'}`;
  const expected = `≥ ${mb(needed)}`;
  if (left >= needed) return green(found, expected);
  return red(`V2 too small: ${found}`, expected, `Raise V2’s maxmemory by ${mb(needed - left)} at least.`);
}

export const EVICTION: NamedCheck = {
  name: 'eviction',
  scope: 'server',
  looksAt: 'maxmemory-policy: a server that evicts drops keys, which must not look like deletes by an app',
  look: async ({ info, store }) => {
    const policy = info('maxmemory_policy');
    const limited = Number(info('maxmemory')) > 0;
    const evicted = Number(info('evicted_keys'));
    const found = `${policy}${limited ? '' : ', without maxmemory'}, ${evicted} keys evicted so far`;
    const expected = store.side === 'target' ? 'noeviction while data moves' : 'no eviction';
    if (policy === 'noeviction' || !limited) return green(found, expected);
    const remedy =
      store.side === 'target'
        ? 'Run on V2: CONFIG SET maxmemory-policy noeviction, until the migration is complete.'
        : 'Give it memory enough: what it evicts is gone before it can be copied, and stops the sync.';
    // Only an `allkeys-` policy evicts keys without an expiry, and the ledger has none. Without its ledger entry, a key
    // that was deleted on one side looks like a new key of the other side and would come back.
    if (store.side === 'target' && policy.startsWith('allkeys-'))
      return red(`${found}: it would evict the ledger`, expected, remedy);
    return alert(found, expected, remedy);
  },
};

export const IDLE_TIMES: NamedCheck = {
  name: 'idle times',
  scope: 'server',
  looksAt:
    'CLIENT NO-TOUCH, where the server evicts by idle time or frequency: without it our reading makes cold keys look used',
  look: async ({ redis, info }) => {
    const expected = 'our reading leaves idle times alone, or nothing is evicted by them';
    const able = await withoutTouch(redis);
    if (able === 'done') return green('CLIENT NO-TOUCH is on', expected);
    const why = able === 'unknown' ? 'the server does not know it' : 'our user may not use it';
    const policy = info('maxmemory_policy');
    if (Number(info('maxmemory')) === 0 || !/-(lru|lfu)$/.test(policy))
      return green(`${why}, and nothing is evicted by idle times`, expected);
    const remedy =
      able === 'unknown'
        ? 'Give it memory enough that it need not evict while data moves: it would evict used keys before cold ones.'
        : 'Grant our user +client|no-touch.';
    return alert(`${why}, and it evicts by ${policy}`, expected, remedy);
  },
};

export function targetUnderTest({ stores }: PreflightWorld): StoreUnderTest {
  const target = stores.find(({ store }) => store.side === 'target');
  if (!target) throw new Error('the target cannot be reached');
  return target;
}

/**
 * Estimates the bytes that a link needs on V2. It adds the data of the source's database and the ledger entries of its
 * keys, and takes the datasets' share of the scanned keys.
 */
async function bytesOf(link: LinkUnderTest, world: PreflightWorld): Promise<number> {
  const { scanned, perDataset } = await world.inventory(link);
  const owned = [...perDataset.values()].reduce((sum, keys) => sum + keys, 0);
  const bytes = await Promise.all(link.source.servers.map(bytesOn));
  const keys = await Promise.all(link.source.servers.map(({ redis }) => redis.dbsize()));
  const ledger = LEDGER_BYTES * keys.reduce((sum, each) => sum + each, 0);
  return (bytes.reduce((sum, each) => sum + each, 0) + ledger) * (owned / Math.max(1, scanned));
}

/** Estimates the bytes of this database on a server, by its share of all keys of the server. */
async function bytesOn({ info, redis }: ServerUnderTest): Promise<number> {
  const everywhere = [...(await redis.info('keyspace')).matchAll(/keys=(\d+)/g)];
  const all = everywhere.reduce((sum, match) => sum + Number(match[1]), 0);
  const data = Number(info('used_memory')) - Number(info('used_memory_startup'));
  const share = (await redis.dbsize()) / Math.max(1, all);
  return Math.max(0, data) * share;
}

/** Formats bytes as MB of 2^20 bytes. */
export function mb(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(bytes < 100 << 20 ? 1 : 0)} MB`;
}
