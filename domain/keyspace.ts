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
    /** What `jday:authority` says, for the scripts on one node of a cluster; a tag says which. */
    authority: () => `${prefix}authority`,
    /** Set of tags under which attempts of a shard have put leases on the nodes of a cluster. */
    tags: (shard: string) => `${prefix}tags:${shard}`,
    /** Fencing token of the sync attempt of a shard, on both sides of its link. */
    lease: (shard: string) => `${prefix}lease:${shard}`,
    /** Into how many shards a link's keys are split, on the target: fixed as long as its ledger stands. */
    shards: (link: string) => `${prefix}shards:${link}`,
    /** Hash bucket of ledger entries, on both sides; see redis/ledger. */
    ledger: (link: string, bucket: string) => `${prefix}ledger:${link}:${bucket}`,
    /** Hash: losers of conflicts, whole, on the side that lost. */
    journal: (link: string) => `${prefix}journal:${link}`,
    /** Hash: what stood on the target before we first wrote there. */
    preimage: (link: string) => `${prefix}preimage:${link}`,
    /** A large value that the journal or a pre-image speaks of, whole, beside that hash. */
    kept: (link: string, stamp: string) => `${prefix}kept:${link}:${stamp}`,
    /** A large key while an attempt builds it, before it takes its place. */
    shadow: (shard: string, token: number) => `${prefix}shadow:${shard}:${token}`,
    /** Fencing token of whoever raises and lowers fences, on the target. */
    switchLease: () => `${prefix}switch-lease`,
    /** On each server, while a switch is under way: its token. Nobody puts it back, so a server without it has lost data. */
    switchMark: () => `${prefix}switch-mark`,
    /** Hash: values that could not be transformed, on the target. */
    quarantine: (link: string) => `${prefix}quarantine:${link}`,
    /** Written once a second on one side, seen by its feed, carried to the other: measures lag. */
    beat: (shard: string, side: string) => `${prefix}beat:${shard}:${side}`,
    /** A beat of `side` that was carried, on the other side. A name of its own: a shared server tells it to both feeds. */
    arrival: (shard: string, side: string) => `${prefix}arrival:${shard}:${side}`,
    /** Marker of one attempt: once the feed has shown it, all earlier events have been shown. */
    barrier: (shard: string, side: string, token: number) => `${prefix}barrier:${shard}:${side}:${token}`,
    /** Set of datasets whose keys on the target, those of the shard, were told apart into V2's own and ours. */
    adopted: (shard: string) => `${prefix}adopted:${shard}`,
    /** Hash on the target while datasets are told apart: what it held before we came. */
    own: (shard: string) => `${prefix}own:${shard}`,
    /** What the servers of a link were when a shard last believed their absences (JSON). */
    witness: (shard: string) => `${prefix}witness:${shard}`,
    /** What the sync of a link is asked to do, on the target; its feed sees changes at once. */
    control: (link: string) => `${prefix}control:${link}`,
    /** There while copy and verification rest for an impact window, on the target; lapses by itself. */
    hold: () => `${prefix}hold`,
    /** What the sync of a shard says of itself, on the target (JSON `LinkStatus`). */
    status: (shard: string) => `${prefix}status:${shard}`,
    /** A shard's answer to a drain request, on the target (JSON `Drained`). */
    drained: (shard: string) => `${prefix}drained:${shard}`,
    /** List of keys carried since the last clean verification, handed over at a drain. */
    recent: (shard: string) => `${prefix}recent:${shard}`,
    /** What the verifier of a link says, on the target (JSON `VerifyStatus`). */
    verify: (link: string) => `${prefix}verify:${link}`,
    /** Measured impact, on the target (JSON `ImpactStatus`). */
    impact: () => `${prefix}impact`,
    /** ACL rule of an app user as it was before the fence, on the user's own store. */
    fence: (user: string) => `${prefix}fence:${user}`,
    /**
     * Hash on the other side: command rights and selectors of fenced users, by store and user, without passwords
     * (L12). A server that comes back without its own record is fenced again by it.
     */
    fenced: () => `${prefix}fenced`,
    /** Probe keys of the rehearsals. */
    probe: (name: string) => `${prefix}probe:${name}`,
  };
}
