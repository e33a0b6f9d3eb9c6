import type { Redis } from 'ioredis';
import type { Plan, Store } from '../../domain/plan/plan.ts';
import {
  namedWriters,
  ownedKeys,
  type OwnedKeys,
  type Stranger,
  strangersSentence,
} from '../../domain/keys/writers.ts';
import { nodesOf, RoutedRedis } from '../client/cluster-client.ts';
import type { OpenStore, Stores } from '../client/stores.ts';
import { type Client, eachClient } from '../client/client-list.ts';
import { mayWrite } from './may-write.ts';
import { onServersBeside } from '../client/acl-nodes.ts';

/** Longest time since a client's last command, s. A client that has been idle for longer may have ended for good. */
const RECENT_S = 600;

/** Prefix of the names of all our connections. */
const OUR_CONNECTIONS = 'jday:';

/**
 * Finds users who write on the stores of a plan and are not named in it. No fence reaches them, so after a switch they
 * could still write on the side that does not serve. The function knows a user by a connection whose last command
 * changes data. So it does not see a client that comes and goes between two checks. It skips stores for which the plan
 * names no app users: there every user would be a stranger, and the preflight reports that.
 */
export async function strangersOn(stores: Stores, plan: Plan): Promise<readonly Stranger[]> {
  const fenced = stores.all.filter(({ store }) => store.appUsers.length > 0);
  const found = await Promise.all(fenced.map((one) => strangersOnStore(one, plan)));
  return found.flat();
}

async function strangersOnStore({ store, redis }: OpenStore, plan: Plan): Promise<readonly Stranger[]> {
  const owned = ownedKeys(plan, store);
  const onNodes = nodesOf(redis).map((node) => strangersOnServer(node.redis, store, owned));
  const clients = new Map<string, number>();
  for (const one of (await Promise.all(onNodes)).flat())
    clients.set(one.user, (clients.get(one.user) ?? 0) + one.clients);
  return [...clients].map(([user, count]) => ({ store: store.name, user, clients: count }));
}

/**
 * Finds them on one server.
 *
 * @param owned the keys that the datasets own there; a user who may write none of them is no stranger
 */
export async function strangersOnServer(
  redis: Redis,
  store: Store,
  owned: readonly OwnedKeys[],
): Promise<readonly Stranger[]> {
  const me = String(await redis.call('ACL', ['WHOAMI']));
  const database = redis.options.db ?? 0;
  const others = (await eachClient(redis)).filter(
    (one) =>
      isApp(one) &&
      one.database === database &&
      one.idle <= RECENT_S &&
      !namedWriters(store).includes(one.user) &&
      !(one.user === me && one.name.startsWith(OUR_CONNECTIONS)),
  );
  const writing = await writingCommands(redis, [...new Set(others.map(({ command }) => command))]);
  const byUser = new Map<string, number>();
  for (const { user, command } of others)
    if (writing.has(command)) byUser.set(user, (byUser.get(user) ?? 0) + 1);
  const found: Stranger[] = [];
  for (const [user, clients] of byUser)
    if (await mayWrite(redis, user, owned)) found.push({ store: store.name, user, clients });
  return found;
}

/** Returns true if the client is no replica, no master, and no client that only listens to MONITOR. */
function isApp({ flags }: Client): boolean {
  return !/[SMO]/.test(flags);
}

/** Commands without the flag `write` that may change a key all the same. */
const ALSO_WRITING = new Set(['exec', 'pfcount', 'eval', 'evalsha', 'fcall']);

/**
 * Returns those of the commands that may change a key. The server's flags tell this, except for the commands in
 * `ALSO_WRITING`. A module's command counts unless the module flags it as reading. A command that the server does not
 * know counts too: unknown counts as writing.
 */
async function writingCommands(redis: Redis, commands: readonly string[]): Promise<ReadonlySet<string>> {
  const asked = commands.filter((command) => command !== 'NULL' && command !== '');
  if (asked.length === 0) return new Set();
  const told = (await redis.call('COMMAND', ['INFO', ...asked])) as ([string, number, string[]] | null)[];
  const writes = asked.filter((command, i) => {
    const flags = told[i]?.[2] ?? ['module'];
    const ofModule = flags.includes('module') && !flags.includes('readonly');
    return ALSO_WRITING.has(command) || flags.includes('write') || ofModule;
  });
  return new Set(writes);
}

/**
 * Checks right before the fence of a cutover that every user who writes is named in the plan, and that every replica of
 * the source that could be promoted can be fenced. Otherwise these users or servers would take writes after the flip. A
 * rollback does not ask this, because an unknown user must not delay it.
 *
 * @throws Error a sentence for the operator: the attempt ends, and V1 goes on serving
 */
export async function assertEveryWriterKnown(stores: Stores, plan: Plan): Promise<void> {
  const strangers = await strangersOn(stores, plan);
  if (strangers.length > 0) throw new Error(strangersSentence(strangers));
  await Promise.all(stores.of('source').map(assertReplicasReached));
}

/**
 * A store that is a cluster is not checked: a node that cannot be reached may be down, and the cluster goes on without
 * it.
 */
async function assertReplicasReached({ store, redis }: OpenStore): Promise<void> {
  if (store.appUsers.length === 0 || redis instanceof RoutedRedis) return;
  const unreached = await onServersBeside(redis, async (beside) => beside.unreached);
  if (unreached > 0)
    throw new Error(`${unreached} replicas of ${store.name} cannot be reached: no fence would stand there`);
}
