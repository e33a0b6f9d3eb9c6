import type { Side } from './side.ts';
import type { LinkStatus } from './status.ts';
import type { Acceptance } from './suspicion.ts';

/** A side of a link that is suspect, over all of its shards, and what is said of it. */
export type OpenSuspect = {
  readonly link: string;
  readonly side: Side;
  readonly reason: string;
  /** How many keys are held back. */
  readonly keys: number;
  /** Not only absences but older values are. */
  readonly stale: boolean;
  readonly accepted: Acceptance | null;
};

type Told = { readonly name: string; readonly sync: LinkStatus | null };

/** What a person has to decide on: each suspect side of each link. */
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

/** In words, with what each decision would do; `null` = nobody is suspect. */
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
