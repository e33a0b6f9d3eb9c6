import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { ImpactStatus, Snapshot, VerifyStatus } from '../../domain/status.ts';
import { readAuthority } from '../authority.ts';
import { readLinkStatus } from '../read-link-status.ts';
import type { Stores } from '../stores.ts';

/**
 * One look at everything that is said of the world. What is not said is `null`: unknown, hence red (L7).
 *
 * @throws when a store does not answer: the look is taken again on new connections
 */
export async function takeSnapshot(plan: Plan, stores: Stores): Promise<Snapshot> {
  const keyspace = keyspaceOf(plan.migration);
  const target = stores.target.redis;
  const links = linksOf(plan).map(async (link) => ({
    name: link.name,
    sync: await readLinkStatus(target, keyspace, link),
    verify: await readJson<VerifyStatus>(target, keyspace.verify(link.name)),
  }));
  return {
    at: Date.now(),
    links: await Promise.all(links),
    impact: await readJson<ImpactStatus>(target, keyspace.impact()),
    authority: await agreedAuthority(stores),
  };
}

async function agreedAuthority(stores: Stores): Promise<Snapshot['authority']> {
  const records = await Promise.all(stores.all.map(({ redis }) => readAuthority(redis)));
  const [first] = records;
  if (!first || records.some((one) => one?.side !== first.side || one.epoch !== first.epoch)) return null;
  return first;
}

async function readJson<T>(redis: Redis, key: string): Promise<T | null> {
  const text = await redis.get(key);
  return text === null ? null : (JSON.parse(text) as T);
}
