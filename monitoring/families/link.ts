import type { Registry } from 'prom-client';
import type { Side } from '../../domain/side.ts';
import type { ByDirection, LinkStatus, Suspect } from '../../domain/status.ts';
import { REASONS } from '../../domain/suspicion.ts';
import { addAttemptCounter } from '../attempt-counter.ts';
import { addGauge, flag, type Sample, seconds } from '../gauge.ts';
import { Latest } from '../latest.ts';

/** A sync tells its status once a second; after this long nothing is claimed of it any more (L7). */
export const LINK_STALE_MS = 15_000;

export type LinkFamily = {
  record(status: LinkStatus): void;
  /** The migration is over: its links are not silent, they have ended. */
  end(): void;
};

/** What the sync of each link says of itself. Directions are named by the side written to. */
export function addLinkFamily(registry: Registry, nowMs: () => number): LinkFamily {
  const latest = new Latest<LinkStatus>(LINK_STALE_MS, nowMs);
  addGauge(
    registry,
    {
      name: 'jday_link_status_timestamp_seconds',
      help: 'When the sync of the link last told its status.',
      labels: ['link'],
    },
    () => latest.all().map((status) => [{ link: nameOf(status) }, seconds(status.at)]),
  );
  addPerLink(registry, latest);
  addPerSide(registry, latest);
  addPerDirection(registry, latest);
  const carried = addAttemptCounter(registry, {
    name: 'jday_link_carried_changes_total',
    help: 'Changes written to the other side, the first copy included.',
    labels: ['link', 'direction'],
  });
  const conflicts = addAttemptCounter(registry, {
    name: 'jday_link_conflicts_total',
    help: 'Keys that both sides had changed; the loser is in the conflict journal.',
    labels: ['link'],
  });
  return {
    record(status) {
      const { token } = status;
      const link = nameOf(status);
      latest.remember(link, status);
      carried({ link, direction: 'to_target' }, status.carried.toTarget, token);
      carried({ link, direction: 'to_source' }, status.carried.toSource, token);
      conflicts({ link }, status.conflicts, token);
    },
    end: () => latest.forgetAll(),
  };
}

/** Shards of a link may be on several workers: each is a series of its own, and sums are the rules' work. */
function nameOf(status: LinkStatus): string {
  return status.shard ?? status.link;
}

const PER_LINK: readonly [name: string, help: string, (status: LinkStatus) => number | null][] = [
  [
    'jday_link_scanning',
    'Whether a scan of the link runs: the first copy, or a re-scan.',
    (status) => flag(status.state === 'scanning'),
  ],
  ['jday_link_scanned_keys', 'Keys that the scan has looked at.', (status) => status.copied],
  [
    'jday_link_known_keys',
    'Keys there when the scan began; an estimate until it is done.',
    (status) => status.total,
  ],
  ['jday_link_joined_datasets', 'Datasets whose scan is complete.', (status) => status.joined.length],
  [
    'jday_link_quarantined_keys',
    'Values that could not be transformed and wait for repair.',
    (status) => status.quarantined,
  ],
  [
    'jday_link_throttled',
    'Whether the sync goes slower than it could.',
    (status) => flag(status.throttled !== null),
  ],
  [
    'jday_link_throttle_copy_keys_per_second',
    'Bound in force of the copy; 0: no limit.',
    ({ throttle }) => throttle?.copyKeysPerSecond ?? null,
  ],
  [
    'jday_link_throttle_copy_bytes_per_second',
    'Bound in force of the copy; 0: no limit.',
    ({ throttle }) => throttle?.copyBytesPerSecond ?? null,
  ],
  [
    'jday_link_throttle_verify_keys_per_second',
    'Bound in force of verification; 0: no limit.',
    ({ throttle }) => throttle?.verifyKeysPerSecond ?? null,
  ],
  [
    'jday_link_throttle_verify_bytes_per_second',
    'Bound in force of verification; 0: no limit.',
    ({ throttle }) => throttle?.verifyBytesPerSecond ?? null,
  ],
  [
    'jday_link_throttle_share_ratio',
    'What the measured impact leaves of the asked bounds: 1 all, 0 a pause.',
    ({ throttle }) => throttle?.share ?? null,
  ],
  [
    'jday_link_batch_keys',
    'Keys that one call of the sync may hold, by the server time that they take.',
    ({ throttle }) => throttle?.batchKeys ?? null,
  ],
];

function addPerLink(registry: Registry, latest: Latest<LinkStatus>): void {
  for (const [name, help, valueOf] of PER_LINK) {
    addGauge(registry, { name, help, labels: ['link'] }, () =>
      latest.fresh().map((status): Sample => [{ link: nameOf(status) }, valueOf(status)]),
    );
  }
}

function addPerSide(registry: Registry, latest: Latest<LinkStatus>): void {
  addGauge(
    registry,
    {
      name: 'jday_link_breaker_open',
      help: 'Whether absences on that side are suspect and do not travel, and for what reason.',
      labels: ['link', 'side', 'reason'],
    },
    () =>
      perSide(latest, (suspect, labels) => [
        { ...labels, ...reasonOf(suspect) },
        flag(suspect !== undefined),
      ]),
  );
  addGauge(
    registry,
    {
      name: 'jday_link_held_keys',
      help: 'Keys of that side that are held back until somebody decides.',
      labels: ['link', 'side'],
    },
    () => perSide(latest, (suspect, labels) => [labels, suspect?.keys ?? 0]),
  );
}

type SideLabels = { readonly link: string; readonly side: Side };

function perSide(
  latest: Latest<LinkStatus>,
  sampleOf: (suspect: Suspect | undefined, labels: SideLabels) => Sample,
): Sample[] {
  return latest.fresh().flatMap((status) =>
    (['source', 'target'] as const).map((side) => {
      const suspect = status.suspects?.find((one) => one.side === side);
      return sampleOf(suspect, { link: nameOf(status), side });
    }),
  );
}

const KNOWN_REASONS: readonly string[] = Object.values(REASONS);

/** In the words of progress and log. A status comes from a store: what else might stand there is no label (L12). */
function reasonOf(suspect: Suspect | undefined): { readonly reason?: string } {
  if (!suspect) return {};
  return { reason: KNOWN_REASONS.includes(suspect.reason) ? suspect.reason : 'unknown' };
}

function addPerDirection(registry: Registry, latest: Latest<LinkStatus>): void {
  addGauge(
    registry,
    {
      name: 'jday_link_lag_seconds',
      help: 'Time from a change to its arrival on the other side, over the last six seconds.',
      labels: ['link', 'direction', 'percentile'],
    },
    () =>
      perDirection(latest, ({ lagMs }) => lagMs).flatMap(([labels, { p50, p99 }]): Sample[] => [
        [{ ...labels, percentile: 'p50' }, seconds(p50)],
        [{ ...labels, percentile: 'p99' }, seconds(p99)],
      ]),
  );
  addGauge(
    registry,
    {
      name: 'jday_link_pending_keys',
      help: 'Changed keys that wait to be carried.',
      labels: ['link', 'direction'],
    },
    () => perDirection(latest, ({ pending }) => pending),
  );
}

type Directed<T> = readonly [labels: { readonly link: string; readonly direction: string }, value: T];

function perDirection<T>(
  latest: Latest<LinkStatus>,
  of: (status: LinkStatus) => ByDirection<T>,
): Directed<T>[] {
  return latest.fresh().flatMap((status): Directed<T>[] => [
    [{ link: nameOf(status), direction: 'to_target' }, of(status).toTarget],
    [{ link: nameOf(status), direction: 'to_source' }, of(status).toSource],
  ]);
}
