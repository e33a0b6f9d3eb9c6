import { variablesOf } from '../plan/environment.ts';
import type { Side } from '../plan/plan.ts';

/** The holder of the stores of a plan: one run of one migration, in one namespace of one Temporal. */
export type Holder = {
  readonly migration: string;
  /** Id of the first run of the workflow. A reset keeps it. */
  readonly run: string;
  readonly namespace: string;
  /** Temporal's own id. Temporal keeps it with its data, so another Temporal has another id. */
  readonly cluster: string;
};

/**
 * The content of `jday:claim` in each store. `token` names this one act of claiming: an operator gives it to
 * `--take-over` to take the claim over.
 */
export type Claim = Holder & { readonly store: string; readonly side: Side; readonly token: string };

type Named = { readonly name: string; readonly url: string };

/**
 * The problem that a store shows where we expect the claim of `holder`. `null` in its place means that the store is the
 * one that was claimed.
 */
export type ClaimProblem = {
  /**
   * `unclaimed`: the store has no claim. `wrong`: the claim cannot be read, or it belongs to another store or another
   * holder.
   */
  readonly kind: 'unclaimed' | 'wrong';
  readonly sentence: string;
};

export function claimText({ migration, run, namespace, cluster, store, side, token }: Claim): string {
  return JSON.stringify({ migration, store, side, run, namespace, cluster, token });
}

/** Parses a claim. Returns `null` when the text is not a claim as we write them. */
export function readClaim(text: string): Claim | null {
  try {
    const read = JSON.parse(text) as Partial<Record<keyof Claim, unknown>> | null;
    const fields = ['migration', 'run', 'namespace', 'cluster', 'store', 'token'] as const;
    if (fields.some((field) => typeof read?.[field] !== 'string')) return null;
    return read as Claim;
  } catch {
    return null;
  }
}

export function isHeldBy(claim: Holder, holder: Holder): boolean {
  return isOfTemporal(claim, holder) && claim.migration === holder.migration && claim.run === holder.run;
}

/** True when the Temporal of `holder` can say what became of the run that made the claim. */
export function isOfTemporal(claim: Holder, { namespace, cluster }: Holder): boolean {
  return claim.namespace === namespace && claim.cluster === cluster;
}

/**
 * Compares the claim that a store holds with the expected one. Returns `null` when the store is the one that was
 * claimed.
 *
 * @param text the content of `jday:claim`; `null` when the key does not exist
 */
export function claimProblem(text: string | null, holder: Holder, { name, url }: Named): ClaimProblem | null {
  const remedy = `Correct ${variablesOf(url)} of the worker and start it again`;
  if (text === null)
    return {
      kind: 'unclaimed',
      sentence:
        `store ${name} holds no claim: it is another server, or ours that lost its data. Nothing is written there. ` +
        `${remedy}; or, if it is ours, say resume --accept restore (the other side writes its keys back; only while the sync ` +
        'runs) or --accept absence (what is missing there goes on the other side too; once the sync has ended: it stays as it is)',
    };
  const claim = readClaim(text);
  const wrong = (what: string): ClaimProblem => ({
    kind: 'wrong',
    sentence: `store ${name} ${what}: nothing is written there. ${remedy}`,
  });
  if (claim === null) return wrong('holds a claim that cannot be read');
  if (!isOfTemporal(claim, holder)) return wrong('is claimed by a migration of another Temporal');
  if (claim.migration !== holder.migration) return wrong(`is claimed by the migration ${claim.migration}`);
  if (claim.run !== holder.run) return wrong('is claimed by another run of this migration');
  if (claim.store !== name) return wrong(`is the one that was claimed as store ${claim.store}`);
  return null;
}
