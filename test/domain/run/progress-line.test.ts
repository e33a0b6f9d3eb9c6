import { describe, expect, it } from 'vitest';
import { type Progress, progressLine } from '../../../domain/run/progress.ts';

const QUIET: Progress = {
  migration: 'm',
  phase: 'sync',
  day: 'J-3',
  authority: 'source',
  authorityRead: { side: 'source', ageMs: 400 },
  agesMs: { look: 400, sync: 900, verify: 1_200, impact: 60_000 },
  percent: 41,
  sync: {
    copied: 300_000,
    total: 300_000,
    lagMs: { p50: 1, p99: 8.2 },
    pending: 3,
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
  sessions: { live: 41_210, migrated: 41_210, lost: 0 },
  integrity: 100,
  compared: { known: 300_000, settled: 300_000, percent: 100, passAgeMs: 12_300 },
  impactPercent: 1.23,
  impact: { low: 0.2, high: 2.1, words: '1.2 %' },
  gates: [],
  rollback: { lossless: true, estimateMs: 1_400, writesAtRisk: 0, windowEndsAt: null },
  waitingFor: { what: 'time', why: 'J-1' },
  suspects: [],
  paused: null,
  goingBack: null,
  throttled: null,
  lastFailure: null,
  outcome: null,
};

describe('the line an operator reads at 3 a.m.', () => {
  it('has the form of the design', () => {
    expect(progressLine(QUIET)).toBe(
      'J-3 sync · authority V1 · copy 100 % · lag p99 8 ms · integrity 100 % (100 % of 300 000 keys, 12 s ago) · sessions 41 210 live, 0 lost · impact 1.2 % · way back: lossless, ~1.4 s · read 0 s ago',
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
    expect(progressLine({ ...QUIET, sync, integrity: null, impact: null, rollback })).toBe(
      'J-3 sync · authority V1 · copy 0 % · lag p99 unknown · integrity unknown · sessions 41 210 live, 0 lost · impact unknown · way back: not known to be lossless · read 0 s ago',
    );
  });

  it('counts the writes at risk when the way back is not ready', () => {
    const rollback = { lossless: false, estimateMs: 9_000, writesAtRisk: 12_345, windowEndsAt: null };
    expect(progressLine({ ...QUIET, rollback })).toContain('way back: not ready, 12 345 writes at risk');
  });

  it('calls unknown what was read too long ago, and says when that was (L7)', () => {
    const old = { agesMs: { look: 240_000, sync: null, verify: null, impact: null } } as const;
    const sessions = { live: null, migrated: null, lost: null };
    const line = progressLine({
      ...QUIET,
      ...old,
      authority: null,
      authorityRead: { side: 'target', ageMs: 240_000 },
      sessions,
    });
    expect(line).toContain('authority unknown (V2 4 min ago) · copy unknown');
    expect(line).toContain('sessions unknown');
    expect(line).toContain('read 4 min ago');
  });

  it('says so when no store was read yet (L7)', () => {
    const never = { look: null, sync: null, verify: null, impact: null };
    const line = progressLine({ ...QUIET, authority: null, authorityRead: null, agesMs: never });
    expect(line).toContain('authority unknown ·');
    expect(line).toContain('stores not read yet');
  });
});
