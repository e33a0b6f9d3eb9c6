import { doNotTouch } from '../connection.ts';
import { alert, type Finding, green, red, worstOf } from './finding.ts';
import type { LinkUnderTest, ServerUnderTest, StoreUnderTest } from './subject.ts';
import type { NamedCheck, World } from './world.ts';

const HEADROOM = 1.3;

export const MEMORY: NamedCheck = {
  name: 'memory',
  scope: 'plan',
  looksAt:
    'memory left on V2 against 1.3 × what the datasets take on the sources, estimated by their share of keys; each node of a cluster against its share of the slots',
  look: async (world) => {
    const target = targetUnderTest(world);
    const needs = await Promise.all(world.links.map((link) => bytesOf(link, world)));
    const needed = Math.ceil(HEADROOM * needs.reduce((sum, bytes) => sum + bytes, 0));
    return worstOf(target.servers.map((server) => roomOf(server, Math.ceil(needed * server.share))));
  },
};

function roomOf({ info }: ServerUnderTest, needed: number): Finding {
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
  looksAt:
    'maxmemory-policy: a server that evicts drops keys, which must not look like deletes by an app (L5)',
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
    const able = await doNotTouch(redis);
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

export function targetUnderTest({ stores }: World): StoreUnderTest {
  const target = stores.find(({ store }) => store.side === 'target');
  if (!target) throw new Error('the target cannot be reached');
  return target;
}

/** Memory of a link's datasets on its source: the servers' data, by the share of this database and of the datasets. */
async function bytesOf(link: LinkUnderTest, world: World): Promise<number> {
  const { scanned, perDataset } = await world.inventory(link);
  const owned = [...perDataset.values()].reduce((sum, keys) => sum + keys, 0);
  const bytes = await Promise.all(link.source.servers.map(bytesOn));
  return bytes.reduce((sum, each) => sum + each, 0) * (owned / Math.max(1, scanned));
}

async function bytesOn({ info, redis }: ServerUnderTest): Promise<number> {
  const everywhere = [...(await redis.info('keyspace')).matchAll(/keys=(\d+)/g)];
  const all = everywhere.reduce((sum, match) => sum + Number(match[1]), 0);
  const data = Number(info('used_memory')) - Number(info('used_memory_startup'));
  const share = (await redis.dbsize()) / Math.max(1, all);
  return Math.max(0, data) * share;
}

export function mb(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(bytes < 100 << 20 ? 1 : 0)} MB`;
}
