import { resolveUrls } from '../../../domain/plan/environment.ts';
import { countMovingSlots } from '../../client/topology.ts';
import { RoutedRedis } from '../../client/cluster-client.ts';
import { membersBeside, onRuledServers } from '../../client/acl-nodes.ts';
import { alert, green, red } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

export const CLUSTER: NamedCheck = {
  name: 'cluster',
  scope: 'store',
  looksAt:
    'whether the server is a node of a Redis Cluster, and the plan says so; then whether its slots are at rest, its replicas can be reached, and more than one of its nodes is named',
  look: async ({ servers, redis, store }, { environment }) => {
    const clustered = servers.some(({ info }) => info('cluster_enabled') === '1');
    if (!(redis instanceof RoutedRedis)) {
      if (!clustered) return green('not clustered', 'as the plan says');
      const remedy = `Write \`cluster: true\` for store ${store.name}: else most of its keys are on servers that nobody asks.`;
      return red('a node of a cluster, and the plan does not say so', 'as the plan says', remedy);
    }
    const expected = 'slots at rest, all nodes within reach, several of them named';
    const beside = await membersBeside(redis);
    const found = `${servers.length} masters, ${beside.length} ${beside.length === 1 ? 'node' : 'nodes'} beside them`;
    const moving = await countMovingSlots(redis);
    if (moving > 0)
      return red(`${found}, ${moving} slots on their way`, expected, 'Wait until the resharding is done.');
    const reached = await onRuledServers(redis, async (all) => all.length - servers.length);
    if (reached < beside.length) {
      const remedy =
        'Let the worker reach every replica as our user: the fence stands there too, for the moment that one takes over.';
      return alert(`${found}, of which ${reached} can be reached`, expected, remedy);
    }
    if (resolveUrls(store.url, environment).length > 1) return green(found, expected);
    const remedy = `Name several nodes in the URL of store ${store.name}, with commas between: while the only one is down, nothing can be opened.`;
    return alert(`${found}, found by one address`, expected, remedy);
  },
};
