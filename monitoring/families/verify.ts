import type { Registry } from 'prom-client';
import { VERIFY_STALE_MS } from '../../domain/gates/fresh.ts';
import type { VerifyStatus } from '../../domain/gates/status.ts';
import { comparedBy } from '../../domain/gates/integrity.ts';
import { addAttemptCounter } from '../attempt-counter.ts';
import { addGauge, type GaugeSample, seconds } from '../gauge.ts';
import { Latest } from '../latest.ts';

const KEY_STATES = ['equal', 'diverged', 'pending', 'hot', 'quarantined'] as const;

const PER_LINK: readonly [name: string, help: string, (status: VerifyStatus) => number | null][] = [
  [
    'jday_verify_compared_ratio',
    'Share of the keys known that are settled or in quarantine: what the integrity speaks of.',
    (status) => percentShare(comparedBy([status])?.percent ?? null),
  ],
  [
    'jday_verify_pass_age_seconds',
    'Since the end of the last whole pass, that of an earlier life of the verifier included.',
    (status) => (status.pass ? status.pass.ageMs / 1_000 : null),
  ],
  [
    'jday_verify_settled_keys',
    'Keys that are equal or have stayed different; integrity is counted over these.',
    (status) => status.settled,
  ],
  [
    'jday_verify_clean_age_seconds',
    'Since the start of the last pass without a difference.',
    ({ clean }) => seconds(clean?.ageMs ?? null),
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

function percentShare(percent: number | null): number | null {
  return percent === null ? null : percent / 100;
}

/**
 * The results of each link's verifier. Nothing is shown before a whole pass has ended, because the counts of half a
 * pass would be taken for counts of everything. The evidence is left out: it names keys, even if only by hash.
 */
export function addVerifyFamily(registry: Registry, nowMs: () => number): (status: VerifyStatus) => void {
  const latest = new Latest<VerifyStatus>(VERIFY_STALE_MS, nowMs);
  const whole = () => latest.fresh().filter(({ pass }) => pass !== null);
  for (const [name, help, valueOf] of PER_LINK) {
    addGauge(registry, { name, help, labels: ['link'] }, () =>
      whole().map((status): GaugeSample => [{ link: status.link }, valueOf(status)]),
    );
  }
  addGauge(
    registry,
    { name: 'jday_verify_keys', help: 'Keys by what the verifier says of them.', labels: ['link', 'state'] },
    () =>
      whole().flatMap((status) =>
        KEY_STATES.map((state): GaugeSample => [{ link: status.link, state }, status[state]]),
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
