import type { Redis } from 'ioredis';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import type { Refusal } from '../../domain/plan/allowance.ts';
import { linksOf, type Plan, type Store, targetOf } from '../../domain/plan/plan.ts';
import { SLOTS } from '../../domain/keys/slot.ts';
import { nodesOf, RoutedRedis } from '../client/cluster-client.ts';
import { type Environment, openStore, StoreUnreachable } from '../client/connection.ts';
import { because } from '../client/unreachable.ts';
import type { CheckFinding, LinkUnderTest, ServerUnderTest, StoreUnderTest } from './finding.ts';
import { type Inventory, makeInventory } from './inventory.ts';

/** Facts that Temporal or the worker knows, and Redis does not. */
export type Facts = {
  /** How long Temporal keeps an ended run, ms; `null` = unknown. */
  readonly temporalRetentionMs: number | null;
  /** What the plan names and this worker does not allow. @default nothing */
  readonly refusals?: readonly Refusal[];
};

/** Everything that checks look at. `stores` lacks those that cannot be reached; they get a red check of their own. */
export type PreflightWorld = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly facts: Facts;
  readonly keyspace: Keyspace;
  readonly stores: readonly StoreUnderTest[];
  readonly links: readonly LinkUnderTest[];
  readonly unreachable: readonly { readonly store: Store; readonly error: unknown }[];
  /** Returns counts and samples of a link's keys. They are taken once, and all checks share them. */
  readonly inventory: (link: LinkUnderTest) => Promise<Inventory>;
  readonly close: () => void;
};

type Named = { readonly name: string; readonly looksAt: string };

/**
 * A check has a name, a description of what it looks at, and a function `look` for one subject of its scope. A check of
 * scope `server` runs on every server of a store, and the worst finding counts for the store.
 */
export type NamedCheck = Named &
  (
    | {
        readonly scope: 'server';
        readonly look: (server: ServerUnderTest, world: PreflightWorld) => Promise<CheckFinding>;
      }
    | {
        readonly scope: 'store';
        readonly look: (store: StoreUnderTest, world: PreflightWorld) => Promise<CheckFinding>;
      }
    | {
        readonly scope: 'link';
        readonly look: (link: LinkUnderTest, world: PreflightWorld) => Promise<CheckFinding>;
      }
    | { readonly scope: 'plan'; readonly look: (world: PreflightWorld) => Promise<CheckFinding> }
  );

/** Opens all stores of the plan. A store that cannot be opened is listed in `unreachable`. */
export async function openWorld(plan: Plan, environment: Environment, facts: Facts): Promise<PreflightWorld> {
  const attempts = await Promise.all(
    plan.stores.map((store, i) =>
      openAllowed(store, environment, refusedAt(facts, `stores[${i}]`)).catch((error: unknown) => ({
        store,
        error,
      })),
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

/** Returns what this worker does not allow of a part of the plan, such as `stores[0]` or `backup`. */
export function refusedAt({ refusals = [] }: Facts, part: string): readonly Refusal[] {
  return refusals.filter(({ field }) => field === part || field.startsWith(`${part}.`));
}

/** A store that this worker may not open is not even asked: its address is not one that the worker's operator chose. */
async function openAllowed(
  store: Store,
  environment: Environment,
  refusals: readonly Refusal[],
): Promise<StoreUnderTest> {
  if (refusals.length > 0) throw new StoreUnreachable(store.name, because('not allowed here'));
  return openUnderTest(store, environment);
}

async function openUnderTest(store: Store, environment: Environment): Promise<StoreUnderTest> {
  const redis = await openStore(store, environment, 'preflight');
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
    throw new StoreUnreachable(store.name, because('the user lacks the right to INFO'), { cause: error });
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

/** Returns the links whose stores are both reachable; the others cannot be checked. */
function linksUnderTest(plan: Plan, stores: readonly StoreUnderTest[]): LinkUnderTest[] {
  const named = (name: string) => stores.find(({ store }) => store.name === name);
  const target = named(targetOf(plan).name);
  return linksOf(plan).flatMap((link) => {
    const source = named(link.source.name);
    return source && target ? [{ name: link.name, source, target, datasets: link.datasets }] : [];
  });
}
