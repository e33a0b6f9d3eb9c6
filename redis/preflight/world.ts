import type { Redis } from 'ioredis';
import { type Keyspace, keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf, targetOf } from '../../domain/link.ts';
import type { Plan, Store } from '../../domain/plan.ts';
import { SLOTS } from '../../domain/slot.ts';
import { nodesOf, RoutedRedis } from '../cluster/routed-redis.ts';
import { type Environment, openStore, StoreUnreachable } from '../connection.ts';
import type { Finding } from './finding.ts';
import { type Inventory, makeInventory } from './inventory.ts';
import type { LinkUnderTest, ServerUnderTest, StoreUnderTest } from './subject.ts';

/** What Temporal knows and Redis does not. */
export type Facts = { readonly temporalRetentionMs: number | null };

/** All that checks look at. Stores that cannot be reached are not in it: they have a red check of their own. */
export type World = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly facts: Facts;
  readonly keyspace: Keyspace;
  readonly stores: readonly StoreUnderTest[];
  readonly links: readonly LinkUnderTest[];
  readonly unreachable: readonly { readonly store: Store; readonly error: unknown }[];
  /** Counts and samples of a link's keys, taken once for all checks that need them. */
  readonly inventory: (link: LinkUnderTest) => Promise<Inventory>;
  readonly close: () => void;
};

type Named = { readonly name: string; readonly looksAt: string };

/**
 * A check is a name, what it looks at in words, and a look at one subject of its scope. What speaks of a server is asked
 * of every one of a store; a store is as good as the worst of them (L7).
 */
export type NamedCheck = Named &
  (
    | { readonly scope: 'server'; readonly look: (server: ServerUnderTest, world: World) => Promise<Finding> }
    | { readonly scope: 'store'; readonly look: (store: StoreUnderTest, world: World) => Promise<Finding> }
    | { readonly scope: 'link'; readonly look: (link: LinkUnderTest, world: World) => Promise<Finding> }
    | { readonly scope: 'plan'; readonly look: (world: World) => Promise<Finding> }
  );

export async function openWorld(plan: Plan, environment: Environment, facts: Facts): Promise<World> {
  const attempts = await Promise.all(
    plan.stores.map((store) =>
      openUnderTest(store, environment).catch((error: unknown) => ({ store, error })),
    ),
  );
  const stores = attempts.filter((attempt): attempt is StoreUnderTest => 'redis' in attempt);
  const unreachable = attempts.filter(
    (attempt): attempt is { store: Store; error: unknown } => 'error' in attempt,
  );
  const links = linksUnderTest(plan, stores);
  const inventories = new Map<string, Promise<Inventory>>();
  return {
    plan,
    environment,
    facts,
    keyspace: keyspaceOf(plan.migration),
    stores,
    links,
    unreachable,
    inventory: (link) => {
      const taken = inventories.get(link.name) ?? makeInventory(link, links);
      inventories.set(link.name, taken);
      return taken;
    },
    close: () => {
      for (const { redis } of stores) redis.disconnect();
    },
  };
}

async function openUnderTest(store: Store, environment: Environment): Promise<StoreUnderTest> {
  const redis = await openStore(store, environment, 'preflight', { socketTimeout: undefined });
  try {
    const database = redis.options.db ?? 0;
    const servers = await Promise.all(
      nodesOf(redis).map(async (node, i) => ({
        store,
        redis: node.redis,
        database,
        tag: node.tag,
        share: shareOf(redis, i),
        info: fieldsOf(await node.redis.info()),
      })),
    );
    return { store, redis, database, servers };
  } catch (error) {
    redis.disconnect();
    throw new StoreUnreachable(store.name, 'the user lacks the right to INFO', { cause: error });
  }
}

function shareOf(redis: Redis, node: number): number {
  if (!(redis instanceof RoutedRedis)) return 1;
  const ranges = redis.map.masters[node]?.ranges ?? [];
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0) / SLOTS;
}

function fieldsOf(text: string): ServerUnderTest['info'] {
  const fields = new Map(text.split('\r\n').map((line) => line.split(/:(.*)/s) as [string, string]));
  return (field) => fields.get(field) ?? '';
}

/** Only links with both ends reachable can be looked at. */
function linksUnderTest(plan: Plan, stores: readonly StoreUnderTest[]): LinkUnderTest[] {
  const named = (name: string) => stores.find(({ store }) => store.name === name);
  const target = named(targetOf(plan).name);
  return linksOf(plan).flatMap((link) => {
    const source = named(link.source.name);
    return source && target ? [{ name: link.name, source, target, datasets: link.datasets }] : [];
  });
}
