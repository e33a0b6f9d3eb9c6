import { clockOf } from '../backup/copies.ts';
import { alert, green, red } from './finding.ts';
import type { StoreUnderTest } from './subject.ts';
import type { NamedCheck } from './world.ts';

const CLOCK_SKEW_MS = 1_000;

export const SAME_DATABASE: NamedCheck = {
  name: 'same database',
  scope: 'plan',
  looksAt:
    'run id and database number of every store: two names for one database would make a migration onto itself',
  look: async ({ stores }) => {
    const groups = grouped(stores, ({ info, database }) => `${info('run_id')}/${database}`);
    const expected = 'every store is a database of its own';
    if (groups.length === 0) return green(`${stores.length} databases`, expected);
    return red(
      `${groups.map(names).join('; ')} are the same database`,
      expected,
      'Correct the stores’ URLs, host and database number.',
    );
  },
};

export const SHARED_SERVER: NamedCheck = {
  name: 'shared server',
  scope: 'plan',
  looksAt: 'whether stores share one server: a pause of its writes would stop our own drain',
  look: async ({ stores }) => {
    const groups = grouped(stores, ({ info }) => info('run_id'));
    const expected = 'a server for each store';
    if (groups.length === 0) return green(`${stores.length} servers`, expected);
    return alert(
      `${groups.map(names).join('; ')} are one server: the fence is by ACL only, and a flush or eviction in one is seen by all`,
      expected,
      'Name each store’s app users in the plan: without them there is no fence here at all.',
    );
  },
};

export const CLOCK: NamedCheck = {
  name: 'clock',
  scope: 'plan',
  looksAt:
    'the servers’ clocks against each other: expiries are absolute, so a session ends by the clock where it is',
  look: async ({ stores }) => {
    const offsets = await Promise.all(stores.map(offsetOf));
    const skew = offsets.length === 0 ? 0 : Math.max(...offsets) - Math.min(...offsets);
    const [found, expected] = [`${Math.round(skew)} ms apart at most`, `≤ ${CLOCK_SKEW_MS} ms`];
    if (skew <= CLOCK_SKEW_MS) return green(found, expected);
    return alert(found, expected, 'Let all servers follow the same NTP source.');
  },
};

/** Server clock minus ours, ms; the least delayed of three looks. */
async function offsetOf({ redis }: StoreUnderTest): Promise<number> {
  const looks: { trip: number; offset: number }[] = [];
  for (let i = 0; i < 3; i++) {
    const before = Date.now();
    const there = await clockOf(redis);
    const after = Date.now();
    looks.push({ trip: after - before, offset: there - (before + after) / 2 });
  }
  looks.sort((one, other) => one.trip - other.trip);
  return looks[0]?.offset ?? 0;
}

/** Groups of at least two. */
function grouped(
  stores: readonly StoreUnderTest[],
  keyOf: (store: StoreUnderTest) => string,
): StoreUnderTest[][] {
  const groups = new Map<string, StoreUnderTest[]>();
  for (const store of stores) groups.set(keyOf(store), [...(groups.get(keyOf(store)) ?? []), store]);
  return [...groups.values()].filter((group) => group.length > 1);
}

function names(group: readonly StoreUnderTest[]): string {
  return group.map(({ store }) => store.name).join(' and ');
}
