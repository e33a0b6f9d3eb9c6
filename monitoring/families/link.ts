import type { Registry } from 'prom-client';
import type { Side } from '../../domain/plan/plan.ts';
import type { ByDirection, LinkStatus, Suspect } from '../../domain/gates/status.ts';
import { REASONS } from '../../domain/protocol/loss-suspicion.ts';
import { addAttemptCounter } from '../attempt-counter.ts';
import { addGauge, flagGauge, type GaugeSample, seconds } from '../gauge.ts';
import { Latest } from '../latest.ts';

/**
 * Longest age of a sync's status that still counts, ms. A sync reports once a second; an older status must not pass for
 * the present state.
 */
export const LINK_STALE_MS = 15_000;

export type LinkFamily = {
  /** Takes the newest status of a sync. */
  record(status: LinkStatus): void;
  /**
   * The migration has ended, so its links have ended too. Their statuses are removed, or they would count as silent.
   */
  end(): void;
};

/** The statuses that the syncs report. A direction is named for the side that is written to. */
export function addLinkFamily(registry: Registry, nowMs: () => number): LinkFamily {
  const latest = new Latest<LinkStatus>(LINK_STALE_MS, nowMs);
  addGauge(
    registry,
    {
      name: 'jday_link_status_age_seconds',
      help: 'Since the sync of the link last told its status.',
      labels: ['link'],
    },
    () => latest.ages().map(([status, ageMs]) => [{ link: nameOf(status) }, seconds(ageMs)]),
  );
  addPerLink(registry, latest);
  addPerSide(registry, latest);
  addJournalBytes(registry, latest);
  addPerDirection(registry, latest);
  const count = addCounters(registry);
  return {
    record(status) {
      latest.remember(nameOf(status), status);
      count(status);
    },
    end: () => latest.forgetAll(),
  };
}

/** Every attempt counts from 0 again; these counters add the attempts up. */
function addCounters(registry: Registry): (status: LinkStatus) => void {
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
  const strays = addAttemptCounter(registry, {
    name: 'jday_link_strays_total',
    help: 'Changes on V1 or Nexten while V2 serves: somebody still writes there.',
    labels: ['link'],
  });
  const repaired = addAttemptCounter(registry, {
    name: 'jday_link_repaired_total',
    help: 'Keys that the verifier found different for good, and that were mended.',
    labels: ['link'],
  });
  return (status) => {
    const { token } = status;
    const link = nameOf(status);
    carried({ link, direction: 'to_target' }, status.carried.toTarget, token);
    carried({ link, direction: 'to_source' }, status.carried.toSource, token);
    conflicts({ link }, status.conflicts, token);
    strays({ link }, status.strays ?? 0, token);
    repaired({ link }, status.repaired ?? 0, token);
  };
}

/** Several workers may hold shards of one link. Each shard is a series of its own; the Prometheus rules sum them. */
function nameOf(status: LinkStatus): string {
  return status.shard ?? status.link;
}

const PER_LINK: readonly [name: string, help: string, (status: LinkStatus) => number | null][] = [
  [
    'jday_link_scanning',
    'Whether a scan of the link runs: the first copy, or a re-scan.',
    (status) => flagGauge(status.state === 'scanning'),
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
    'jday_link_quarantine_bytes',
    'Memory on V2 that the copies of values in quarantine take.',
    ({ recordBytes }) => recordBytes?.quarantine ?? null,
  ],
  [
    'jday_link_throttled',
    'Whether the sync goes slower than it could.',
    (status) => flagGauge(status.throttled !== null),
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
      latest.fresh().map((status): GaugeSample => [{ link: nameOf(status) }, valueOf(status)]),
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
        flagGauge(suspect !== undefined),
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
  addGauge(
    registry,
    {
      name: 'jday_ledger_entries',
      help: 'Entries of the ledger of the link on that side, as the last walk over it found them.',
      labels: ['link', 'side'],
    },
    () =>
      latest.fresh().flatMap((status) =>
        SIDES.map((side): GaugeSample => {
          const labels = { link: nameOf(status), side };
          return [labels, status.ledgerEntries?.[side] ?? null];
        }),
      ),
  );
}

function addJournalBytes(registry: Registry, latest: Latest<LinkStatus>): void {
  addGauge(
    registry,
    {
      name: 'jday_link_journal_bytes',
      help: 'Memory on that side that the losers of conflicts take, until they are saved to a file.',
      labels: ['link', 'side'],
    },
    () =>
      latest
        .fresh()
        .flatMap(({ link, recordBytes }) =>
          SIDES.map((side): GaugeSample => [{ link, side }, recordBytes?.journal[side] ?? null]),
        ),
  );
}

const SIDES = ['source', 'target'] as const;

type SideLabels = { readonly link: string; readonly side: Side };

function perSide(
  latest: Latest<LinkStatus>,
  sampleOf: (suspect: Suspect | undefined, labels: SideLabels) => GaugeSample,
): GaugeSample[] {
  return latest.fresh().flatMap((status) =>
    SIDES.map((side) => {
      const suspect = status.suspects?.find((one) => one.side === side);
      return sampleOf(suspect, { link: nameOf(status), side });
    }),
  );
}

const KNOWN_REASONS: readonly string[] = Object.values(REASONS);

/**
 * The reason of a suspicion, in the words of progress and log. The status comes from a store, so any other text in it
 * could hold personal data: it becomes `unknown` and never a label.
 */
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
      perDirection(latest, ({ lagMs }) => lagMs).flatMap(([labels, { p50, p99 }]): GaugeSample[] => [
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
