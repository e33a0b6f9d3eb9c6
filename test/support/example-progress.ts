import type { Progress } from '../../domain/progress.ts';

/** A migration that watches after the flip, all green; change what a test is about. */
export function exampleProgress(change: Partial<Progress> = {}): Progress {
  return {
    migration: 'example',
    phase: 'watch',
    day: 'J+2',
    authority: 'target',
    percent: 80,
    sync: {
      copied: 200,
      total: 200,
      lagMs: { p50: 1, p99: 9 },
      pending: 0,
      conflicts: 0,
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
    impactPercent: 1,
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
    throttled: null,
    lastFailure: null,
    outcome: null,
    ...change,
  };
}
