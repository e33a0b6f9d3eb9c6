import type { Registry } from 'prom-client';
import { VERIFY_STALE_MS } from '../../domain/fresh.ts';
import type { VerifyStatus } from '../../domain/status.ts';
import { addAttemptCounter } from '../attempt-counter.ts';
import { addGauge, type Sample, seconds } from '../gauge.ts';
import { Latest } from '../latest.ts';

const KEY_STATES = ['equal', 'diverged', 'pending', 'hot', 'quarantined'] as const;

const PER_LINK: readonly [name: string, help: string, (status: VerifyStatus) => number | null][] = [
  [
    'jday_verify_settled_keys',
    'Keys that are equal or have stayed different; integrity is counted over these.',
    (status) => status.settled,
  ],
  [
    'jday_verify_clean_timestamp_seconds',
    'Start of the last pass without a difference.',
    (status) => seconds(status.cleanSince),
  ],
  ['jday_sessions_live', 'Sessions that live on the side that serves.', (status) => status.sessions.live],
  [
    'jday_sessions_migrated',
    'Live sessions that are equal on the other side.',
    (status) => status.sessions.migrated,
  ],
  [
    'jday_sessions_lost',
    'Live sessions that have stayed absent or different on the other side.',
    (status) => status.sessions.lost,
  ],
  ['jday_cache_keys', 'Cache keys on the side that serves.', (status) => status.cache.source],
  [
    'jday_cache_kept_keys',
    'Those of them that would hit on the other side too.',
    (status) => status.cache.target,
  ],
];

/** What the verifier of each link has found. Evidence stays out: it names keys, if only by hash (L12). */
export function addVerifyFamily(registry: Registry, nowMs: () => number): (status: VerifyStatus) => void {
  const latest = new Latest<VerifyStatus>(VERIFY_STALE_MS, nowMs);
  for (const [name, help, valueOf] of PER_LINK) {
    addGauge(registry, { name, help, labels: ['link'] }, () =>
      latest.fresh().map((status): Sample => [{ link: status.link }, valueOf(status)]),
    );
  }
  addGauge(
    registry,
    { name: 'jday_verify_keys', help: 'Keys by what the verifier says of them.', labels: ['link', 'state'] },
    () =>
      latest
        .fresh()
        .flatMap((status) =>
          KEY_STATES.map((state): Sample => [{ link: status.link, state }, status[state]]),
        ),
  );
  const passes = addAttemptCounter(registry, {
    name: 'jday_verify_passes_total',
    help: 'Complete passes of the verifier.',
    labels: ['link'],
  });
  return (status) => {
    latest.remember(status.link, status);
    passes({ link: status.link }, status.passes);
  };
}
