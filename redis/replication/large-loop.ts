import type { Redis } from 'ioredis';
import type { Side } from '../../domain/plan/plan.ts';
import { keyBytes } from '../client/key-bytes.ts';
import { RoutedRedis, unlinkAll } from '../client/cluster-client.ts';
import { scanNames } from '../client/scan.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { ReadMode } from './reconcile/reconciler.ts';
import { isOfOneKey, whyOf } from './store/failure-kinds.ts';
import { completeKey, refreshAuthority } from './attempt/apply-loop.ts';
import type { BornLive } from './reconcile/step-decision.ts';
import { alone, besideOf, type NodePort, portOf } from './store/store-port.ts';
import { knowsFieldTtls } from '../client/capabilities.ts';
import type { Endpoint } from './large/endpoint.ts';
import type { LargeWork } from './large/large-queue.ts';
import { type LargeLane, type LargeOutcome, reconcileLarge } from './large/reconcile-large.ts';

const SCAN_COUNT = 512;
/**
 * A large value is built under a name of ours, the shadow, before it takes its place. At its start an attempt deletes
 * the shadows of so many earlier attempts. A killed attempt leaves at most one on each side.
 */
const ATTEMPTS_BACK = 16;
/**
 * After these outcomes of a try its shadow may still stand. It is deleted at once, because the next try may need none:
 * the key may be small or gone by then.
 */
const LEAVES_SHADOW: ReadonlySet<string> = new Set<LargeOutcome['kind']>(['moved', 'quarantined', 'epoch']);

/**
 * Reconciles large keys, one at a time, on connections of their own. A large key takes many small commands, and it must
 * not delay other keys or the apps. Until their turn the keys stay checked out, so they count as pending and a drain
 * waits for them.
 */
export async function largeLoop(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const { lines } = attempt;
  let nodes = await nodesFor(attempt);
  const shadow = attempt.keyspace.shadow(attempt.shard.name, attempt.token);
  for (const side of ['source', 'target'] as const)
    await unlinkAll(lines[side].large, await shadowsBefore(attempt, lines[side].large));
  while (!signal.aborted) {
    const one = attempt.large.take(performance.now());
    if (!one) {
      await attempt.large.awaitDue(performance.now(), signal);
      continue;
    }
    const outcome = await reconcileLarge(attempt, bornLive, { nodes, shadow }, one.work, one.mode).catch(
      (error: unknown) => {
        if (signal.aborted || !isOfOneKey(error)) throw error;
        return { kind: 'broken', error } as const;
      },
    );
    if (outcome.kind === 'broken') {
      // The next key gets new connections. The servers end the old ones first, so that nothing that was sent on them
      // happens later.
      await attempt.lines.renewLarge();
      nodes = await nodesFor(attempt);
      await dropShadow(attempt, nodes, shadow, one.work.key);
      await afterFailure(attempt, one, outcome.error);
      continue;
    }
    attempt.failing.succeeded(one.work.key);
    if (LEAVES_SHADOW.has(outcome.kind)) await dropShadow(attempt, nodes, shadow, one.work.key);
    if (outcome.kind === 'moved') {
      attempt.large.again(one, performance.now(), await mannerNow(one, bornLive));
    } else {
      if (outcome.kind === 'same') await attempt.quarantine.agreed(one.work.key);
      attempt.large.done(one);
      completeKey(attempt, one.work, one.mode, outcome);
      await refreshAuthority(attempt, [outcome], signal);
    }
  }
}

type Nodes = LargeLane['nodes'];

async function nodesFor(attempt: Attempt): Promise<Nodes> {
  return { source: await endsOf(attempt, 'source'), target: await endsOf(attempt, 'target') };
}

/** Deletes the shadow of a key. It may be as large as the value, and no later try may need it. */
async function dropShadow(attempt: Attempt, nodes: Nodes, shadow: string, key: string): Promise<void> {
  const located = attempt.keyMap.locate(key);
  if (!located) return;
  const { names } = located;
  for (const side of ['source', 'target'] as const) {
    const end = nodes[side](names[side]);
    // If this fails, the next try meets the failure too. It builds its shadow from the start.
    await end.redis.unlink(keyBytes(besideOf(end, shadow, names[side]))).catch(() => undefined);
  }
}

/**
 * Counts the failure of a large key. The key is tried again. After three failures in a row it is named in quarantine,
 * where it blocks the cutover and no other key.
 */
async function afterFailure(attempt: Attempt, one: LargeWork, error: unknown): Promise<void> {
  const { key } = one.work;
  const dataset = attempt.keyMap.owner('source', key);
  if (!attempt.failing.failed(key, performance.now()) || !dataset)
    return attempt.large.afterFailure(one, performance.now());
  await attempt.quarantine.name(key, attempt.authority.side, dataset.name, whyOf(error));
  attempt.large.done(one);
  completeKey(attempt, one.work, one.mode, { kind: 'quarantined' });
}

/**
 * The mode for the next try of a key. The initial copy waits for all keys in mode `adopt`. A key that an app writes on
 * V2 again and again never rests long enough to be read, so the copy would wait for ever. But such a key is no baseline
 * key: an app has written it since the feed runs. So it goes on as an ordinary change.
 */
async function mannerNow({ work, mode }: LargeWork, bornLive: BornLive): Promise<ReadMode> {
  if (mode !== 'adopt') return mode;
  return (await bornLive([work.key])).has(work.key) ? 'change' : mode;
}

/** The endpoint for a name on a side; a cluster has one endpoint for each node. */
async function endsOf(attempt: Attempt, side: Side): Promise<(name: string) => Endpoint> {
  const port = await portOf(side, attempt.lines[side].large);
  const ends = new Map<NodePort, Endpoint>();
  for (const node of port.nodes)
    ends.set(node, alone({ ...node, fieldTtls: await knowsFieldTtls(node.redis) }));
  return (name) => ends.get(port.nodeOf(name)) as Endpoint;
}

/** The shadows of earlier attempts. On a cluster a shadow stands in the slot of its key, so only a SCAN finds it. */
async function shadowsBefore({ keyspace, shard, token }: Attempt, redis: Redis): Promise<readonly Buffer[]> {
  const before = Array.from({ length: ATTEMPTS_BACK }, (_, i) => keyspace.shadow(shard.name, token - 1 - i));
  if (!(redis instanceof RoutedRedis)) return before.map(keyBytes);
  const found: string[] = [];
  for await (const names of scanNames(redis, `${keyspace.prefix}shadow:*`, SCAN_COUNT))
    found.push(...names.filter((name) => before.some((shadow) => name.startsWith(`${shadow}:`))));
  return found.map(keyBytes);
}
