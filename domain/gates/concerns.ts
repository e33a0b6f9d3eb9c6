import type { Side } from '../plan/plan.ts';
import type { LinkStatus, Snapshot } from './status.ts';
import type { Acceptance } from '../protocol/loss-suspicion.ts';

/** A suspect side of a link, over all shards of the link, with the decision on it. */
export type OpenSuspect = {
  readonly link: string;
  readonly side: Side;
  readonly reason: string;
  /** Number of keys that the circuit breaker holds back. */
  readonly keys: number;
  /** The circuit breaker holds back older values too, not only absences. */
  readonly stale: boolean;
  /** The operator's decision; `null` while at least one shard has none. */
  readonly accepted: Acceptance | null;
};

type Told = { readonly name: string; readonly sync: LinkStatus | null };

/** Returns each suspect side of each link. A person has to decide on them. */
export function openSuspects(links: readonly Told[] = []): readonly OpenSuspect[] {
  return links.flatMap(({ name, sync }) =>
    (['source', 'target'] as const).flatMap((side) => {
      const told = (sync?.suspects ?? []).filter((one) => one.side === side);
      const [first] = told;
      if (!first) return [];
      return [
        {
          link: name,
          side,
          reason: first.reason,
          keys: told.reduce((sum, { keys }) => sum + keys, 0),
          stale: told.some(({ stale }) => stale),
          accepted: told.every(({ accepted }) => accepted !== null) ? first.accepted : null,
        },
      ];
    }),
  );
}

/**
 * Describes the suspect sides without a decision, and the effect of each decision. Returns `null` when there are none.
 */
export function suspectWords(open: readonly OpenSuspect[]): string | null {
  const undecided = open.filter(({ accepted }) => accepted === null);
  if (undecided.length === 0) return null;
  return undecided.map(words).join('; ');
}

function words({ link, side, reason, keys, stale }: OpenSuspect): string {
  const held = stale ? `${keys} absences and older values` : `${keys} absences`;
  const other = side === 'source' ? 'target' : 'source';
  return (
    `${link}, ${side}: ${reason}; ${held} held back: resume --accept absence carries them to the ${other}, ` +
    `--accept restore writes the keys of the ${other} back`
  );
}

/**
 * Returns the facts that an operator must hear at once, and not at the end of a poll of several hours: a side became
 * suspect, a writer is not named in the plan, a server was demoted, a store is not the one that was claimed, a store
 * does not answer. Each fact is a text, so that a caller can tell a new one from the known ones.
 */
export function concernsOf(
  snapshot: Pick<Snapshot, 'links' | 'servers' | 'doubt' | 'unseen'> | undefined,
): readonly string[] {
  const { strangers, demoted } = snapshot?.servers ?? { strangers: [], demoted: [] };
  return [
    ...openSuspects(snapshot?.links).map(({ link, side }) => `${link} ${side}`),
    ...strangers.map(({ store, user }) => `writer ${user} ${store}`),
    ...demoted.map((store) => `demoted ${store}`),
    ...(snapshot?.doubt === undefined ? [] : [snapshot.doubt]),
    ...(snapshot?.unseen === undefined ? [] : [UNSEEN]),
  ];
}

/** The stores cannot be read, so no other concern is known. */
export const UNSEEN = 'unseen';

/**
 * True when an operator must hear of this snapshot at once: it shows a concern that is not known yet, or the stores
 * answer again.
 */
export function isNews(snapshot: Snapshot, known: readonly string[]): boolean {
  const now = concernsOf(snapshot);
  return now.some((concern) => !known.includes(concern)) || (known.includes(UNSEEN) && !now.includes(UNSEEN));
}
