import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Keyspace, keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan, Store } from '../../domain/plan.ts';
import { type Shard, shardsOf } from '../../domain/shard.ts';
import { tagged } from '../../domain/slot.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import { onRuledServers } from '../cluster/ruled-servers.ts';
import { loadScripts } from '../scripts/index.ts';
import type { OpenStore, Stores } from '../stores.ts';
import { ruleLineOf, ruleTokens } from './acl-rule.ts';
import { drainLinks } from './drain-links.ts';

export type SwitchRehearsal = {
  readonly roundTripMs: number;
  readonly predictedFenceMs: number;
  readonly fenceProof: readonly {
    readonly store: string;
    readonly users: number;
    readonly proven: boolean;
  }[];
};

const PATIENCE_MS = 15_000;

/**
 * Does what a cutover and a rollback do, on probes: drains both directions of every link by barrier, waits for a
 * beat carried each way, moves a probe authority there and back and has a stale writer refused, raises and lowers
 * the fence on a user of our own that has the app's very rule. Apps notice nothing (L9: the way back first).
 */
export async function rehearseSwitch(plan: Plan, stores: Stores): Promise<SwitchRehearsal> {
  const keyspace = keyspaceOf(plan.migration);
  const links = linksOf(plan);
  const began = performance.now();
  const sides = plan.mode === 'forward' ? (['source'] as const) : (['source', 'target'] as const);
  let drainMs = 0;
  for (const side of sides) {
    const from = performance.now();
    await drainLinks(stores.target.redis, keyspace, links, side, Date.now() + PATIENCE_MS);
    drainMs = Math.max(drainMs, performance.now() - from);
  }
  await Promise.all(links.flatMap(shardsOf).map((shard) => beatsCarried(plan, stores, keyspace, shard)));
  const roundTripMs = Math.round(performance.now() - began);
  const from = performance.now();
  for (const { redis } of stores.all)
    for (const { tag } of nodesOf(redis))
      await moveProbeAuthority(redis, tagged(keyspace.probe('authority'), tag));
  const fenceProof = [];
  for (const one of stores.all)
    fenceProof.push({
      store: one.store.name,
      users: one.store.appUsers.length,
      proven: await rehearseFence(one, keyspace),
    });
  const predictedFenceMs = Math.round(drainMs + performance.now() - from);
  return { roundTripMs, predictedFenceMs, fenceProof };
}

async function beatsCarried(plan: Plan, stores: Stores, keyspace: Keyspace, shard: Shard): Promise<void> {
  const { name, link } = shard;
  await beatCarried(stores.target.redis, keyspace.arrival(name, 'source'), `${name} to the target`);
  if (plan.mode === 'forward') return;
  const back = keyspace.arrival(name, 'target');
  await beatCarried(stores.named(link.name).redis, back, `${name} back to the source`);
}

/** The value that stands there must change: a new beat came through. */
async function beatCarried(redis: Redis, key: string, way: string): Promise<void> {
  const before = await redis.get(key);
  const deadline = Date.now() + PATIENCE_MS;
  while ((await redis.get(key)) === before) {
    if (Date.now() > deadline) throw new Error(`no beat was carried from ${way} in time`);
    await delay(50);
  }
}

async function moveProbeAuthority(redis: Redis, key: string): Promise<void> {
  const run = await loadScripts(redis);
  const write = async (side: string, epoch: number) =>
    Number(await run('setAuthority', [key], [side, String(epoch)]));
  await redis.del(key);
  const answers = [await write('target', 2), await write('source', 3), await write('target', 2)];
  await redis.del(key);
  if (answers.join() !== '1,1,0')
    throw new Error('the probe authority did not move there and back, or a stale writer was not refused');
}

/** On every server whose users count: one that refuses it would stay open at the cutover. */
async function rehearseFence({ store, redis }: OpenStore, keyspace: Keyspace): Promise<boolean> {
  const proofs = await onRuledServers(redis, (servers) =>
    Promise.all(servers.map((server) => rehearseFenceOn(server.redis, store, keyspace))),
  );
  return proofs.every((proven) => proven);
}

async function rehearseFenceOn(redis: Redis, store: Store, keyspace: Keyspace): Promise<boolean> {
  const lines = (await redis.call('ACL', ['LIST'])) as string[];
  for (const user of store.appUsers) {
    const line = ruleLineOf(lines, user);
    if (!line) return false;
    const probe = `jday-probe-${user}`;
    const rule = ruleTokens(line);
    // Off, so that nobody can enter by it; DRYRUN asks for rights only.
    await redis.call('ACL', ['SETUSER', probe, 'reset', ...rule, 'off']);
    await redis.call('ACL', ['SETUSER', probe, '-@write', 'clearselectors']);
    const denied = String(await redis.call('ACL', ['DRYRUN', probe, 'SET', keyspace.probe('fence'), 'v']));
    await redis.call('ACL', ['DELUSER', probe]);
    if (!/no permissions/i.test(denied)) return false;
  }
  return store.appUsers.length > 0;
}
