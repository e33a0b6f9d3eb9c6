/**
 * The only place where a key of ours is spelled. Everything but `jday:authority` stands under the migration's
 * own prefix, so that "what is ours" is one prefix (L6).
 */
export const OUR_PREFIX = 'jday:';

/** Contract with the applications: hash with `authority` = `source` | `target`, and `epoch`, in each database. */
export const AUTHORITY_KEY = 'jday:authority';

/** Which migration holds this database: refuses a second one over the same store. */
export const CLAIM_KEY = 'jday:claim';

export type Keyspace = ReturnType<typeof keyspaceOf>;

export function keyspaceOf(migration: string) {
  const prefix = `${OUR_PREFIX}${migration}:`;
  return {
    prefix,
    /** Fencing token of the sync attempt, on both sides of a link. */
    lease: (link: string) => `${prefix}lease:${link}`,
    /** Hash bucket of ledger entries, on both sides; see redis/ledger. */
    ledger: (link: string, bucket: string) => `${prefix}ledger:${link}:${bucket}`,
    /** Hash: losers of conflicts, whole, on the side that lost. */
    journal: (link: string) => `${prefix}journal:${link}`,
    /** Hash: what stood on the target before we first wrote there. */
    preimage: (link: string) => `${prefix}preimage:${link}`,
    /** Hash: values that could not be transformed, on the target. */
    quarantine: (link: string) => `${prefix}quarantine:${link}`,
    /** Written once a second on one side, seen by its feed, carried to the other: measures lag. */
    beat: (link: string, side: string) => `${prefix}beat:${link}:${side}`,
    /** A beat of `side` that was carried, on the other side. A name of its own: a shared server tells it to both feeds. */
    arrival: (link: string, side: string) => `${prefix}arrival:${link}:${side}`,
    /** Marker of one attempt: once the feed has shown it, all earlier events have been shown. */
    barrier: (link: string, side: string, token: number) => `${prefix}barrier:${link}:${side}:${token}`,
    /** Set of datasets whose keys on the target were told apart into V2's own and ours. */
    adopted: (link: string) => `${prefix}adopted:${link}`,
    /** What the servers of a link were when their absences were last believed (JSON). */
    witness: (link: string) => `${prefix}witness:${link}`,
    /** What the sync of a link is asked to do, on the target; its feed sees changes at once. */
    control: (link: string) => `${prefix}control:${link}`,
    /** What the sync of a link says of itself, on the target (JSON `LinkStatus`). */
    status: (link: string) => `${prefix}status:${link}`,
    /** Answer to a drain request, on the target (JSON `Drained`). */
    drained: (link: string) => `${prefix}drained:${link}`,
    /** List of keys carried since the last clean verification, handed over at a drain. */
    recent: (link: string) => `${prefix}recent:${link}`,
    /** What the verifier of a link says, on the target (JSON `VerifyStatus`). */
    verify: (link: string) => `${prefix}verify:${link}`,
    /** Measured impact, on the target (JSON `ImpactStatus`). */
    impact: () => `${prefix}impact`,
    /** ACL rule of an app user as it was before the fence, on the user's own store. */
    fence: (user: string) => `${prefix}fence:${user}`,
    /** Probe keys of the rehearsals. */
    probe: (name: string) => `${prefix}probe:${name}`,
  };
}
