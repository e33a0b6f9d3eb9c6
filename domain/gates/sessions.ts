import { type Unknown, freshVerify, isUnknown } from './fresh.ts';
import { isOld } from './integrity.ts';
import { type Link, linksOf, type Plan } from '../plan/plan.ts';
import type { LinkStatus, SessionCensus, Snapshot, VerifyStatus } from './status.ts';
import { sum } from './sum.ts';

type Sessions = VerifyStatus['sessions'] &
  ({ readonly joined: 'some' } | { readonly joined: 'nothing'; readonly why: string });

/**
 * Returns the sessions of all links together, or the reason why they are not known. It asks only the verifiers of links
 * with sessions, and only for their census: a whole pass over all keys would take too long for it.
 */
export function countedSessions(snapshot: Snapshot, plan: Plan): Sessions | Unknown {
  if (snapshot.unseen !== undefined) return { unknown: snapshot.unseen };
  const counted: VerifyStatus['sessions'][] = [];
  const links = linksOf(plan).filter((link) => sessionsOf(link).length > 0);
  for (const link of links) {
    const verify = freshVerify(snapshot, link.name);
    if (isUnknown(verify)) return verify;
    const sync = snapshot.links.find(({ name }) => name === link.name)?.sync;
    const names = takingPart(link, verify, sync);
    if (names.length === 0) continue;
    const doubt = whyNotCounted(verify.census, names);
    if (doubt) return { unknown: `the verifier of ${link.name} ${doubt}` };
    counted.push(verify.sessions);
  }
  const total = (of: (one: VerifyStatus['sessions']) => number) => sum(counted.map(of));
  const all = {
    live: total(({ live }) => live),
    migrated: total(({ migrated }) => migrated),
    lost: total(({ lost }) => lost),
  };
  if (counted.length > 0) return { ...all, joined: 'some' };
  const why = links.length === 0 ? 'the plan names no sessions' : 'the sessions have not joined yet';
  return { ...all, joined: 'nothing', why };
}

/**
 * True when the census of each link has read every session since the sessions joined. What was read before does not
 * count. So a census must have begun under the very attempts of the sync that say now that the sessions have joined,
 * and one census must have ended since all of them were seen to have joined and settled.
 *
 * @param atJoin the count of censuses of each link at that moment
 */
export function isCounted(snapshot: Snapshot, plan: Plan, atJoin: Readonly<Record<string, number>>): boolean {
  return linksOf(plan).every((link) => {
    const names = sessionsOf(link);
    if (names.length === 0) return true;
    const { sync, verify } = snapshot.links.find(({ name }) => name === link.name) ?? {};
    const census = verify?.census;
    if (!sync || !census || whyNotCounted(census, names) !== null) return false;
    return census.passes > (atJoin[link.name] ?? 0) && beganUnder(census, sync);
  });
}

function beganUnder({ pass }: SessionCensus, { moments }: LinkStatus): boolean {
  const shards = Object.entries(moments ?? {});
  return shards.length > 0 && shards.every(([shard, { token }]) => pass?.from?.[shard]?.token === token);
}

function sessionsOf({ datasets }: Link): readonly string[] {
  return datasets.filter(({ role }) => role === 'sessions').map(({ name }) => name);
}

/**
 * The datasets of sessions that travel. A sync that begins anew says for a while that nothing has joined. What the
 * verifier has read before stays in the count.
 */
function takingPart(
  link: Link,
  { pass, census }: VerifyStatus,
  sync: LinkStatus | null | undefined,
): readonly string[] {
  const known = [sync?.joined, pass?.datasets, census?.pass?.datasets];
  return sessionsOf(link).filter((name) => known.some((names) => names?.includes(name)));
}

function whyNotCounted(census: SessionCensus | undefined, names: readonly string[]): string | null {
  if (!census?.pass) return 'has not counted the sessions yet';
  const { pass } = census;
  const missed = names.filter((name) => !pass.datasets.includes(name));
  if (missed.length > 0) return `has not counted ${missed.join(', ')} yet`;
  return isOld(pass) ? `counted the sessions ${Math.round(pass.ageMs / 60_000)} min ago` : null;
}
