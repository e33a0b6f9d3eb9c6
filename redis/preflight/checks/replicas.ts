import type { Redis } from 'ioredis';
import { resolveUrls } from '../../../domain/plan/environment.ts';
import { isSentinelUrl } from '../../../domain/plan-file/sentinel-url.ts';
import { RoutedRedis } from '../../client/cluster-client.ts';
import { onServersBeside, type RuledServer } from '../../client/acl-nodes.ts';
import { eachClient } from '../../client/client-list.ts';
import { alert, green, red } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

export const REPLICAS: NamedCheck = {
  name: 'replicas',
  scope: 'store',
  looksAt:
    'replicas and Sentinel: a replica that is promoted lets in whom its own rules let in, so the fence must stand there too; and the URL must lead to it then',
  look: async ({ store, redis }, { environment }) => {
    if (redis instanceof RoutedRedis) return green('see cluster', 'see cluster');
    const expected = 'every replica within reach, with the same app users';
    const [url = ''] = resolveUrls(store.url, environment);
    const { reached, unreached, lacking, writable } = await onServersBeside(redis, async (beside) => ({
      ...beside,
      lacking: await countOf(beside.reached, (one) => lacksUser(one, store.appUsers)),
      writable: await countOf(beside.reached, takesWrites),
    }));
    const count = reached.length + unreached;
    const found = `${count} ${count === 1 ? 'replica' : 'replicas'}${isSentinelUrl(url) ? ', found by Sentinel' : ''}`;
    if (unreached > 0 && store.appUsers.length > 0) {
      const remedy =
        'Let the worker reach each replica at the address that it announces, as our user with the same password, or detach it.';
      return red(`${found}, of which ${unreached} cannot be reached: no fence there`, expected, remedy);
    }
    if (lacking > 0) {
      const remedy =
        'Rules of users are not replicated: make our user and the app users on each replica too, with the same rules.';
      return red(`${found}, of which ${lacking} lack an app user`, expected, remedy);
    }
    if (writable > 0) {
      const remedy = 'Set replica-read-only yes there: what an app writes to a replica goes nowhere.';
      return alert(`${found}, of which ${writable} take writes`, expected, remedy);
    }
    if (!isSentinelUrl(url) && (await sentinelWatches(redis))) {
      const remedy = `Write the URL of store ${store.name} as redis+sentinel://…/<name of the master>/0: else a failover leaves us at the old server.`;
      return alert(`${found}; a Sentinel watches, and the URL does not name it`, expected, remedy);
    }
    return green(found, expected);
  },
};

async function countOf(
  servers: readonly RuledServer[],
  fits: (redis: Redis) => Promise<boolean>,
): Promise<number> {
  const answers = await Promise.all(servers.map(({ redis }) => fits(redis)));
  return answers.filter((one) => one).length;
}

async function lacksUser(redis: Redis, users: readonly string[]): Promise<boolean> {
  const rules = await Promise.all(users.map((user) => redis.call('ACL', ['GETUSER', user])));
  return rules.some((rule) => rule === null);
}

async function takesWrites(redis: Redis): Promise<boolean> {
  const reply = await redis.config('GET', 'replica-read-only');
  return String(reply).endsWith('no');
}

/** Returns whether a Sentinel watches the server. The connections of a Sentinel have names with this prefix. */
async function sentinelWatches(redis: Redis): Promise<boolean> {
  return (await eachClient(redis)).some(({ name }) => name.startsWith('sentinel-'));
}
