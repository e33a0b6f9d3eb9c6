import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, type Plan, type Store } from '../../domain/plan/plan.ts';
import { type Shard, shardsOf } from '../../domain/keys/shard.ts';
import { tagged } from '../../domain/keys/slot.ts';
import { nodesOf } from '../client/cluster-client.ts';
import { onRuledServers } from '../client/acl-nodes.ts';
import { loadScripts } from '../scripts/runner.ts';
import type { OpenStore, Stores } from '../client/stores.ts';
import type { SwitchRehearsal } from '../../domain/run/report.ts';
import { readRule } from '../fence/acl-rule.ts';
import { deniedOn } from '../fence/denied-commands.ts';
import { drainLinks } from './request-drain.ts';
import { playFence, problemOf } from '../fence/play-fence.ts';
import { saveRules } from '../fence/saved-rules.ts';

/** Longest wait for one drain and for one heartbeat, ms. */
const PATIENCE_MS = 15_000;

/**
 * Rehearses a cutover and a rollback on probes, so that the way back is proven before it is needed. The apps notice
 * nothing. With `mode: forward` only the direction to V2 is drained and waited for. The rehearsal
 * - drains both directions of every link by a barrier,
 * - waits until a heartbeat has been replicated each way,
 * - moves a probe authority to V2 and back, and checks that a stale writer is refused,
 * - raises and lowers a fence on a user of ours that has exactly the rule of the app user.
 *
 * @throws Error a step failed, or a drain or a heartbeat took longer than 15 s
 */
export async function rehearseSwitch(plan: Plan, stores: Stores): Promise<SwitchRehearsal> {
  const keyspace = keyspaceOf(plan.migration);
  const links = linksOf(plan);
  const began = performance.now();
  const sides = plan.mode === 'forward' ? (['source'] as const) : (['source', 'target'] as const);
  let drainMs = 0;
  for (const side of sides) {
    const from = performance.now();
    await drainLinks(stores.target.redis, keyspace, links, side, performance.now() + PATIENCE_MS);
    drainMs = Math.max(drainMs, performance.now() - from);
  }
  await Promise.all(links.flatMap(shardsOf).map((shard) => beatsCarried(plan, stores, keyspace, shard)));
  const roundTripMs = Math.round(performance.now() - began);
  const from = performance.now();
  for (const { redis } of stores.all)
    for (const { tag } of nodesOf(redis))
      await moveProbeAuthority(redis, tagged(keyspace.probe('authority'), tag));
  const fenceProof = [];
  for (const one of stores.all) {
    const why = await rehearseFence(one, keyspace);
    const users = one.store.appUsers.length;
    fenceProof.push({
      store: one.store.name,
      users,
      proven: why === null && users > 0,
      ...(why !== null && { why }),
    });
  }
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

/** Waits until the value of `key` changes, because this proves that a new heartbeat was replicated. */
async function beatCarried(redis: Redis, key: string, way: string): Promise<void> {
  const before = await redis.get(key);
  const deadline = performance.now() + PATIENCE_MS;
  while ((await redis.get(key)) === before) {
    if (performance.now() > deadline) throw new Error(`no beat was carried from ${way} in time`);
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

/**
 * Rehearses the fence on every server that could serve, replicas included. A server that refuses the fence would stay
 * open at the cutover. Returns the first problem; `null` = none.
 */
async function rehearseFence({ store, redis }: OpenStore, keyspace: Keyspace): Promise<string | null> {
  const problems = await onRuledServers(redis, async (servers) => {
    const found: (string | null)[] = [];
    for (const server of servers) found.push(await rehearseFenceOn(server.redis, store, keyspace));
    return found;
  });
  return problems.find((problem) => problem !== null) ?? null;
}

/** Plays the fence with the exact rule of each app user, then saves the rules that stand, as a real fence does. */
async function rehearseFenceOn(redis: Redis, store: Store, keyspace: Keyspace): Promise<string | null> {
  const denied = await deniedOn(redis);
  for (const user of store.appUsers) {
    const rule = await readRule(redis, user);
    if (!rule) return `app user ${user} of ${store.name} does not exist`;
    const problem = problemOf(await playFence(redis, keyspace, user, rule, denied));
    if (problem !== null) return `app user ${user} of ${store.name}: ${problem}`;
  }
  if (store.appUsers.length === 0 || store.fenceMayForget) return null;
  return saveRules(store.name, redis).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : 'the rules were not saved'),
  );
}
