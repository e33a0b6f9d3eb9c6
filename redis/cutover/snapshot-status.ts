import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import type { ImpactStatus, Snapshot, VerifyStatus } from '../../domain/gates/status.ts';
import { readAuthority } from '../state/authority.ts';
import { readLinkStatus } from '../state/link-status.ts';
import type { Stores } from '../client/stores.ts';
import { readDated } from '../state/dated-record.ts';
import { readServers } from '../fence/who-writes.ts';

/**
 * Reads everything that gates and triggers judge: the status of each sync and verifier, the measured impact, the
 * authority, writers that the plan does not name, and demoted servers. A part that no process has reported is `null`.
 * Unknown counts as red.
 *
 * @throws the error of a store that does not answer: the caller tries again on new connections
 */
export async function takeSnapshot(plan: Plan, stores: Stores): Promise<Snapshot> {
  const keyspace = keyspaceOf(plan.migration);
  const target = stores.target.redis;
  const links = linksOf(plan).map(async (link) => ({
    name: link.name,
    sync: await readLinkStatus(target, keyspace, link),
    verify: await readDated<VerifyStatus>(target, keyspace.verify(link.name)),
  }));
  return {
    links: await Promise.all(links),
    impact: await readDated<ImpactStatus>(target, keyspace.impact()),
    authority: await agreedAuthority(stores),
    servers: await readServers(plan, stores),
  };
}

/**
 * Returns a snapshot in which everything is unknown. It is for the case that a store is not the claimed one (`doubt`)
 * or does not answer (`unseen`).
 */
export function blindSnapshot(plan: Plan, why: Pick<Snapshot, 'doubt' | 'unseen'>): Snapshot {
  const links = linksOf(plan).map(({ name }) => ({ name, sync: null, verify: null }));
  return { links, impact: null, authority: null, ...why };
}

async function agreedAuthority(stores: Stores): Promise<Snapshot['authority']> {
  const records = await Promise.all(stores.all.map(({ redis }) => readAuthority(redis)));
  const [first] = records;
  if (!first || records.some((one) => one?.side !== first.side || one.epoch !== first.epoch)) return null;
  return first;
}
