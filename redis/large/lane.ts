import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Side } from '../../domain/side.ts';
import { keyBytes } from '../key-bytes.ts';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import { unlinkAll } from '../cluster/unlink-all.ts';
import { scanNames } from '../scan-names.ts';
import type { Attempt } from '../sync/attempt.ts';
import type { Manner } from '../sync/reconcile.ts';
import { type BornLive, contextOf, giveBack, settleEpoch } from '../sync/changes.ts';
import { alone, type NodePort, portOf } from '../sync/side-port.ts';
import { knowsFieldTtls } from '../typed/payloads.ts';
import type { End } from './end.ts';
import type { LargeWork } from './large-keys.ts';
import { reconcileLarge } from './reconcile-large.ts';

const IDLE_MS = 10;
const SCAN_COUNT = 512;
/** Shadows of so many attempts before are cleared; a killed one leaves at most one on each side. */
const ATTEMPTS_BACK = 16;

/**
 * Large keys go one at a time, on connections of their own: each costs its server many small commands, and holds
 * nobody else up (L14). They wait in this attempt's hands: pending says so, and a drain waits for them.
 */
export async function largeLane(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const nodes = { source: await endsOf(attempt, 'source'), target: await endsOf(attempt, 'target') };
  const { keyspace, shard, token, lines } = attempt;
  for (const side of ['source', 'target'] as const)
    await unlinkAll(lines[side].large, await shadowsBefore(attempt, lines[side].large));
  while (!signal.aborted) {
    const one = attempt.large.take(Date.now());
    if (!one) {
      await delay(IDLE_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const context = { ...contextOf(attempt, bornLive), nodes, shadow: keyspace.shadow(shard.name, token) };
    const fate = await reconcileLarge(context, one.work, one.manner);
    if (fate.kind === 'moved') {
      attempt.large.again(one, Date.now(), await mannerNow(one, bornLive));
    } else {
      attempt.large.done(one);
      giveBack(attempt, one.work, one.manner, fate);
      await settleEpoch(attempt, [fate], signal);
    }
  }
}

/**
 * The copy waits for the keys that are still to be told apart. One that an app writes on V2 again and again would never
 * rest long enough to be looked at, and has told already what it is: a change like any other.
 */
async function mannerNow({ work, manner }: LargeWork, bornLive: BornLive): Promise<Manner> {
  if (manner !== 'adopt') return manner;
  return (await bornLive([work.key])).has(work.key) ? 'change' : manner;
}

/** Of a cluster an end for each node. */
async function endsOf(attempt: Attempt, side: Side): Promise<(name: string) => End> {
  const port = await portOf(side, attempt.lines[side].large);
  const ends = new Map<NodePort, End>();
  for (const node of port.nodes)
    ends.set(node, alone({ ...node, fieldTtls: await knowsFieldTtls(node.redis) }));
  return (name) => ends.get(port.nodeOf(name)) as End;
}

/** On a cluster a shadow stands in the slot of its key: only a walk finds it. */
async function shadowsBefore({ keyspace, shard, token }: Attempt, redis: Redis): Promise<readonly Buffer[]> {
  const back = Array.from({ length: ATTEMPTS_BACK }, (_, i) => keyspace.shadow(shard.name, token - 1 - i));
  if (!(redis instanceof RoutedRedis)) return back.map(keyBytes);
  const found: string[] = [];
  for await (const names of scanNames(redis, `${keyspace.prefix}shadow:*`, SCAN_COUNT))
    found.push(...names.filter((name) => back.some((shadow) => name.startsWith(`${shadow}:`))));
  return found.map(keyBytes);
}
