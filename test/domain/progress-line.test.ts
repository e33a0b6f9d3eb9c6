import { describe, expect, it } from 'vitest';
import { outsideProgress } from '../../domain/outside-progress.ts';
import type { Progress } from '../../domain/progress.ts';
import { progressLine } from '../../domain/progress-line.ts';

const QUIET: Progress = {
  migration: 'm',
  phase: 'sync',
  day: 'J-3',
  authority: 'source',
  percent: 41,
  sync: {
    copied: 300_000,
    total: 300_000,
    lagMs: { p50: 1, p99: 8.2 },
    pending: 3,
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
  sessions: { live: 41_210, migrated: 41_210, lost: 0 },
  integrity: 100,
  impactPercent: 1.23,
  gates: [],
  rollback: { lossless: true, estimateMs: 1_400, writesAtRisk: 0, windowEndsAt: null },
  waitingFor: { what: 'time', why: 'J-1' },
  suspects: [],
  paused: null,
  throttled: null,
  lastFailure: null,
  outcome: null,
};

describe('the line an operator reads at 3 a.m.', () => {
  it('has the form of the design', () => {
    expect(progressLine(QUIET)).toBe(
      'J-3 sync · authority V1 · copy 100 % · lag p99 8 ms · integrity 100 % · sessions 41 210 live, 0 lost · impact 1.2 % · way back: lossless, ~1.4 s',
    );
  });

  it('names V2 once V2 serves', () => {
    expect(progressLine({ ...QUIET, authority: 'target' })).toContain('authority V2');
  });

  it('rounds nothing up to 100 %: one key of a million missing shows (L7)', () => {
    const sync = { ...QUIET.sync, copied: 999_999, total: 1_000_000 };
    const line = progressLine({ ...QUIET, sync, integrity: 99.9999 });
    expect(line).toContain('copy 99 %');
    expect(line).toContain('integrity 99.99 %');
  });

  it('calls unknown what is not known, and a copy of nothing 0 % (L7)', () => {
    const sync = { ...QUIET.sync, copied: 0, total: 0, lagMs: { p50: null, p99: null } };
    const rollback = { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt: null };
    expect(progressLine({ ...QUIET, sync, integrity: null, impactPercent: null, rollback })).toBe(
      'J-3 sync · authority V1 · copy 0 % · lag p99 unknown · integrity unknown · sessions 41 210 live, 0 lost · impact unknown · way back: not known to be lossless',
    );
  });

  it('counts the writes at risk when the way back is not ready', () => {
    const rollback = { lossless: false, estimateMs: 9_000, writesAtRisk: 12_345, windowEndsAt: null };
    expect(progressLine({ ...QUIET, rollback })).toContain('way back: not ready, 12 345 writes at risk');
  });

  it('claims nothing good of a run that is only seen from outside (L7)', () => {
    const seen = outsideProgress({
      migration: 'm',
      phase: undefined,
      authority: undefined,
      day: undefined,
      syncs: [],
      verifies: [],
      why: 'no worker answers',
    });
    expect(seen.rollback.lossless).toBe(false);
    expect(seen.integrity).toBeNull();
    expect(seen.waitingFor.why).toContain('who serves is not known here');
    expect(progressLine(seen)).toContain('lag p99 unknown · integrity unknown');
  });
});
