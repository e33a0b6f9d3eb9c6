import type { Progress } from '../../../domain/run/progress.ts';

/**
 * Returns the progress of a migration that watches after the flip, without a red gate. `change` replaces what a test is
 * about.
 */
export function exampleProgress(change: Partial<Progress> = {}): Progress {
  return {
    migration: 'example',
    phase: 'watch',
    day: 'J+2',
    authority: 'target',
    authorityRead: { side: 'target', ageMs: 400 },
    agesMs: { look: 400, sync: 900, verify: 1_200, impact: 60_000 },
    percent: 80,
    sync: {
      copied: 200,
      total: 200,
      lagMs: { p50: 1, p99: 9 },
      pending: 0,
      conflicts: 0,
      repaired: 0,
      quarantined: 0,
      throttle: {
        copyKeysPerSecond: 20_000,
        copyBytesPerSecond: 0,
        verifyKeysPerSecond: 10_000,
        verifyBytesPerSecond: 0,
        batchMs: 2,
        share: 1,
        reason: null,
      },
    },
    sessions: { live: 20, migrated: 20, lost: 0 },
    integrity: 100,
    compared: { known: 200, settled: 200, percent: 100, passAgeMs: 1_000 },
    impactPercent: 1,
    impact: { low: 0, high: 2, words: '1 %' },
    gates: [
      { name: 'lag', value: 9, limit: 100, verdict: 'green', reason: 'changes arrive within 9 ms (p99)' },
      { name: 'impact', value: 4, limit: 5, verdict: 'alert', reason: 'the apps answer 4 % slower' },
    ],
    rollback: {
      lossless: true,
      estimateMs: 1_400,
      writesAtRisk: 3,
      windowEndsAt: '2026-12-08T06:00:00.000Z',
    },
    waitingFor: { what: 'time', until: '2026-12-08T06:00:00.000Z', why: 'the window is open' },
    suspects: [],
    paused: null,
    goingBack: null,
    throttled: null,
    lastFailure: null,
    outcome: null,
    ...change,
  };
}
