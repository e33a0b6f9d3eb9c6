/**
 * The prefix of all our keys. Only this file spells a key of ours. All keys but `jday:authority` and `jday:claim` begin
 * with the migration's own prefix. So one prefix tells which keys are ours, and we delete only what we wrote.
 */
export const OUR_PREFIX = 'jday:';

/** Contract with the applications: a hash in each database, with `authority` (`source` or `target`) and `epoch`. */
export const AUTHORITY_KEY = 'jday:authority';

/** Names the run that holds this database. It refuses a second migration over the same store. */
export const CLAIM_KEY = 'jday:claim';

export type Keyspace = ReturnType<typeof keyspaceOf>;

export function keyspaceOf(migration: string) {
  const prefix = `${OUR_PREFIX}${migration}:`;
  return {
    migration,
    prefix,
    /** Copy of `jday:authority` on one node of a cluster, for the scripts there. A tag selects the node. */
    authority: () => `${prefix}authority`,
    /** Set of the tags under which attempts of a shard have put leases on the nodes of a cluster. */
    tags: (shard: string) => `${prefix}tags:${shard}`,
    /** Token of the newest sync attempt of a shard, on both sides of its link. */
    lease: (shard: string) => `${prefix}lease:${shard}`,
    /** Number of shards of a link, on the target. It must not change while the ledger of the link exists. */
    shards: (link: string) => `${prefix}shards:${link}`,
    /** Hash bucket of ledger entries, on both sides, see `redis/state/ledger.ts`. */
    ledger: (link: string, bucket: string) => `${prefix}ledger:${link}:${bucket}`,
    /** Hash: the conflict journal with the whole values that lost a conflict, on the side that lost. */
    journal: (link: string) => `${prefix}journal:${link}`,
    /** Hash: pre-images, which are the values on the target before we first wrote there. */
    preimage: (link: string) => `${prefix}preimage:${link}`,
    /** A large value of the journal or of the pre-images, whole, in a key beside that hash. */
    kept: (link: string, stamp: string) => `${prefix}kept:${link}:${stamp}`,
    /** A large key while an attempt builds it, before the attempt swaps it into its place. */
    shadow: (shard: string, token: number) => `${prefix}shadow:${shard}:${token}`,
    /**
     * Fencing token of the last step that raised or lowered fences. The one on the target decides. The other stores
     * hold copies in case the target loses it.
     */
    switchLease: () => `${prefix}switch-lease`,
    /** The last fencing number that was given out, on the target. */
    fencingNumber: () => `${prefix}fencing-number`,
    /**
     * The token of a switch in progress, on each server. No process puts it back after a loss, so a server without it
     * has lost data.
     */
    switchMark: () => `${prefix}switch-mark`,
    /** Hash: values that could not be transformed, on the target. */
    quarantine: (link: string) => `${prefix}quarantine:${link}`,
    /**
     * Heartbeat: the sync writes it once a second on one side, the change feed of that side shows it, and the sync
     * replicates it to the other side. It measures the lag.
     */
    beat: (shard: string, side: string) => `${prefix}beat:${shard}:${side}`,
    /**
     * A heartbeat of `side` that was replicated, on the other side. It has a name of its own, because a server that
     * both sides share shows it to both change feeds.
     */
    arrival: (shard: string, side: string) => `${prefix}arrival:${shard}:${side}`,
    /** Marker of one attempt. Once the change feed has shown it, the feed has shown all earlier events. */
    barrier: (shard: string, side: string, token: number) => `${prefix}barrier:${shard}:${side}:${token}`,
    /**
     * Set of the datasets for which the shard has separated the target's keys into baseline keys (V2 had them before
     * us) and ours.
     */
    adopted: (shard: string) => `${prefix}adopted:${shard}`,
    /** Hash of the baseline keys, on the target while the sync separates them: the keys that V2 had before us. */
    own: (shard: string) => `${prefix}own:${shard}`,
    /** The state of the servers of a link when a shard last trusted their absences (JSON). */
    witness: (shard: string) => `${prefix}witness:${shard}`,
    /** Orders for the sync of a link, on the target. The change feed of the sync shows a new order at once. */
    control: (link: string) => `${prefix}control:${link}`,
    /** Exists on the target while copy and verification rest for an impact window. It expires by itself. */
    hold: () => `${prefix}hold`,
    /** Status of the sync of a shard, on the target (JSON `LinkStatus`). */
    status: (shard: string) => `${prefix}status:${shard}`,
    /** Answer of a shard to a drain request, on the target (JSON `Drained`). */
    drained: (shard: string) => `${prefix}drained:${shard}`,
    /** Set of keys that the verifier found diverged, on the target. The sync of the shard repairs them. */
    mend: (shard: string) => `${prefix}mend:${shard}`,
    /** List of the keys that were replicated since the last clean verification. A shard hands it over at a drain. */
    recent: (shard: string) => `${prefix}recent:${shard}`,
    /** Status of the verifier of a link, on the target (JSON `VerifyStatus`). */
    verify: (link: string) => `${prefix}verify:${link}`,
    /** Measured impact, on the target (JSON `ImpactStatus`). */
    impact: () => `${prefix}impact`,
    /** Rule of an app user before the fence and under it, on the user's own store. It contains no password. */
    fence: (user: string) => `${prefix}fence:${user}`,
    /** An ACL user of ours, on which we try out the fence of an app user. */
    probeUser: (user: string) => `jday-${migration}-probe-${user}`,
    /**
     * Hash on the other side with copies of these records, by store and user. When a server comes back without its own
     * record, the worker raises the fence again from the copy.
     */
    fenced: () => `${prefix}fenced`,
    /** Probe keys of the rehearsals. */
    probe: (name: string) => `${prefix}probe:${name}`,
  };
}
