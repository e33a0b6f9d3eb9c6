import { clockOf } from '../../client/server-info.ts';
import { alert, green, red, type ServerUnderTest, type StoreUnderTest } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

const CLOCK_SKEW_MS = 1_000;

export const SAME_DATABASE: NamedCheck = {
  name: 'same database',
  scope: 'plan',
  looksAt:
    'run id and database number of every store: two names for one database would make a migration onto itself',
  look: async ({ stores }) => {
    const groups = grouped(serversIn(stores), ({ info, database }) => `${info('run_id')}/${database}`);
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
  looksAt:
    'whether stores share one server: a pause of its writes would stop our own drain; and an app user: fenced for one, it is for all',
  look: async ({ stores }) => {
    const groups = grouped(serversIn(stores), ({ info }) => info('run_id'));
    const expected = 'a server for each store';
    if (groups.length === 0) return green(`${stores.length} servers`, expected);
    const twice = groups.find(haveUserInCommon);
    if (twice)
      return red(
        `${names(twice)} are one server and name the same app user`,
        expected,
        'Give the apps of each store a user of their own: who is fenced on one store is fenced on all of its server.',
      );
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
    const offsets = await Promise.all(serversIn(stores).map(offsetOf));
    const skew = offsets.length === 0 ? 0 : Math.max(...offsets) - Math.min(...offsets);
    const [found, expected] = [`${Math.round(skew)} ms apart at most`, `≤ ${CLOCK_SKEW_MS} ms`];
    if (skew <= CLOCK_SKEW_MS) return green(found, expected);
    return alert(found, expected, 'Let all servers follow the same NTP source.');
  },
};

/** Returns the server's clock minus a monotonic clock of ours, ms. It takes the fastest of three measurements. */
async function offsetOf({ redis }: ServerUnderTest): Promise<number> {
  const looks: { trip: number; offset: number }[] = [];
  for (let i = 0; i < 3; i++) {
    const before = performance.now();
    const there = await clockOf(redis);
    const after = performance.now();
    looks.push({ trip: after - before, offset: there - (before + after) / 2 });
  }
  looks.sort((one, other) => one.trip - other.trip);
  return looks[0]?.offset ?? 0;
}

function haveUserInCommon(servers: readonly ServerUnderTest[]): boolean {
  const users = [...new Set(servers.map(({ store }) => store))].flatMap(({ appUsers }) => appUsers);
  return new Set(users).size < users.length;
}

function serversIn(stores: readonly StoreUnderTest[]): readonly ServerUnderTest[] {
  return stores.flatMap(({ servers }) => servers);
}

/** Groups servers by `keyOf` and returns the groups of at least two servers. */
function grouped(
  servers: readonly ServerUnderTest[],
  keyOf: (server: ServerUnderTest) => string,
): ServerUnderTest[][] {
  const groups = new Map<string, ServerUnderTest[]>();
  for (const one of servers) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return [...groups.values()].filter((group) => group.length > 1);
}

function names(group: readonly ServerUnderTest[]): string {
  return group.map(({ store }) => store.name).join(' and ');
}
