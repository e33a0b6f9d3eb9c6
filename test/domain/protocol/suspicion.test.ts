import { describe, expect, it } from 'vitest';
import { ABSENT, CONTENT_BYTES, type SideView, type NextStep } from '../../../domain/protocol/protocol.ts';
import {
  gapOf,
  isInGap,
  REASONS,
  applySuspicions,
  type ServerShown,
  type Suspicion,
  suspicionOf,
  UNWATCHED,
  type ServerRecord,
} from '../../../domain/protocol/loss-suspicion.ts';

const PRESENT = `${'c'.repeat(CONTENT_BYTES)}${'\xff'.repeat(8)}`;
const entry = (stamp: string) => ({ stamp, source: PRESENT, target: PRESENT, ours: true, spelling: '' });
const seen = (digest: string, stamp?: string): SideView => ({
  digest,
  nowMs: 0,
  entry: stamp ? entry(stamp) : null,
});
const flushed: Suspicion = { since: 1, reason: REASONS.flushed, survived: null, accepted: null };
const stale: Suspicion = { ...flushed, reason: REASONS.older, survived: '5' };
const carry = (conflict = false, absence = false): NextStep => ({
  do: 'carry',
  to: 'target',
  conflict,
  absence,
});
const rule = (
  step: NextStep,
  source: SideView,
  target: SideView,
  suspicion: Suspicion,
  since: string | null = null,
) => applySuspicions(step, { source, target }, { source: suspicion }, () => since);

describe('what V2 shows after nobody has watched it', () => {
  const since = (step: NextStep, source: SideView, target: SideView, written: string | null = null) =>
    applySuspicions(step, { source, target }, { target: UNWATCHED }, () => written);
  const toSource = (absence = false): NextStep => ({ do: 'carry', to: 'source', conflict: false, absence });
  const toTarget = (conflict: boolean): NextStep => ({ do: 'carry', to: 'target', conflict, absence: false });

  it('does not travel: V1’s state goes back, over an absence or over another value, which the journal keeps (L2, L5)', () => {
    expect(since(toSource(true), seen(PRESENT), seen(ABSENT, '7'))).toEqual(toTarget(false));
    expect(since(toSource(), seen(PRESENT), seen(PRESENT, '7'))).toEqual(toTarget(true));
  });

  it('does not travel in a one-way plan either, and is no reason to leave it as it is', () => {
    const wait: NextStep = { do: 'wait', to: 'source', closed: 'ignored' };
    expect(since(wait, seen(PRESENT), seen(ABSENT, '7'))).toEqual(toTarget(false));
    expect(since(wait, seen(PRESENT), seen(PRESENT, '7'), '8')).toEqual(wait);
  });

  it('is not taken for V2’s own while V1 may have lost it', () => {
    const looks = { source: seen(ABSENT), target: seen(PRESENT) };
    const both = { source: { ...flushed, survived: '' }, target: UNWATCHED };
    expect(applySuspicions(toSource(), looks, both, () => null)).toEqual(toSource());
  });

  it('is V2’s own where V1 has none of it (L6)', () => {
    expect(since(toSource(), seen(ABSENT), seen(PRESENT))).toEqual({ do: 'agree', on: 'target' });
  });

  it('travels as ever once an app has written or deleted it since (L2)', () => {
    expect(since(toSource(), seen(ABSENT), seen(PRESENT), '8')).toEqual(toSource());
    // The app acted on what V2 showed. The value of V1 that it overwrites goes to the journal.
    const over = { ...toSource(true), conflict: true };
    expect(since(toSource(true), seen(PRESENT), seen(ABSENT, '7'), '8')).toEqual(over);
  });
});

describe('what a suspect side shows (L5)', () => {
  const gone = [seen(ABSENT), seen(PRESENT, '7')] as const;
  const differs = [seen(PRESENT), seen(PRESENT, '7')] as const;

  it('an absence is held, and nothing else of a server that runs on', () => {
    expect(rule(carry(false, true), ...gone, flushed)).toEqual({ do: 'hold', side: 'source' });
    expect(rule(carry(), ...differs, flushed)).toEqual(carry());
  });

  it('of older data every state is held that was agreed after they end, unless an app has written it since', () => {
    expect(rule(carry(), ...differs, stale)).toEqual({ do: 'hold', side: 'source' });
    expect(rule(carry(), ...differs, stale, '6')).toEqual(carry());
    expect(rule(carry(), seen(PRESENT), seen(PRESENT, '5'), stale)).toEqual(carry());
    expect(rule(carry(), seen(PRESENT), seen(ABSENT), stale)).toEqual({ do: 'hold', side: 'source' });
  });

  it('an entry of what may come back is kept, until somebody decides', () => {
    const forget: NextStep = { do: 'forget', on: 'target' };
    const both = [seen(ABSENT), seen(ABSENT, '7')] as const;
    const expired = { ...seen(ABSENT), nowMs: Number.MAX_SAFE_INTEGER };
    const agreed = `${'c'.repeat(CONTENT_BYTES)}${'\0'.repeat(7)}\x01`;
    const short = { ...seen(ABSENT), entry: { ...entry('7'), source: agreed } };
    expect(rule(forget, ...both, stale)).toEqual({ do: 'hold', side: 'source' });
    expect(rule(forget, ...both, flushed)).toEqual(forget);
    expect(rule(forget, expired, short, stale)).toEqual(forget);
    expect(rule(forget, ...both, { ...stale, accepted: 'absence' })).toEqual(forget);
    expect(rule(forget, ...both, { ...stale, accepted: 'restore' })).toEqual(forget);
  });

  it('what an app writes there goes over newer data of the other side once, and the journal keeps those', () => {
    expect(rule(carry(), ...differs, stale, '8')).toEqual(carry(true));
    expect(rule(carry(), seen(PRESENT), seen(PRESENT, '9'), stale, '8')).toEqual(carry());
  });

  it('a suspect authority wins no conflict: the other side’s write is carried, the loser is kept', () => {
    const back = { do: 'carry', to: 'source', conflict: true, absence: false };
    expect(rule(carry(true), ...differs, stale)).toEqual(back);
    expect(rule(carry(true, true), ...gone, flushed)).toEqual({ ...back, conflict: false });
  });

  it('the decision: absence lets it travel, restore writes the other side back and deletes nothing', () => {
    const [absence, restore] = [
      { ...stale, accepted: 'absence' },
      { ...stale, accepted: 'restore' },
    ] as const;
    expect(rule(carry(false, true), ...gone, absence)).toEqual(carry(false, true));
    expect(rule(carry(false, true), ...gone, restore)).toMatchObject({ to: 'source', conflict: false });
    expect(rule(carry(), ...differs, restore)).toMatchObject({ to: 'source', conflict: true });
    expect(rule(carry(), seen(PRESENT), seen(ABSENT), restore)).toEqual(carry());
  });
});

describe('what an attempt makes of a server that it meets (L5)', () => {
  const before: ServerRecord = { runId: 'a', evicted: 3, commands: [50], mark: '5', suspicion: null };
  const now: ServerShown = {
    runId: 'a',
    evicted: 3,
    commands: [60],
    evicts: false,
    survived: '5',
    unclaimed: false,
  };

  it.each<[string, ServerRecord | null, Partial<ServerShown>, string | null]>([
    ['the same server', before, {}, null],
    ['one never met', null, { survived: '' }, null],
    ['one never met that lost the claim', null, { unclaimed: true }, REASONS.recordsGone],
    ['a restart that lost nothing', before, { runId: 'b' }, null],
    ['a restart of one that may evict', before, { runId: 'b', evicts: true }, REASONS.mayHaveEvicted],
    ['a restart with older data', before, { runId: 'b', survived: '4' }, REASONS.older],
    ['a restart with nothing', before, { runId: 'b', survived: '', unclaimed: true }, REASONS.empty],
    ['a flush that nobody saw', before, { survived: '', unclaimed: true }, REASONS.recordsGone],
    ['evictions that nobody saw', before, { evicted: 4 }, REASONS.evicted],
    ['a count of evictions that was reset', before, { evicted: 0 }, REASONS.evicted],
    [
      'statistics that were reset, of one that evicts',
      before,
      { commands: [7], evicts: true },
      REASONS.statsReset,
    ],
    ['the same, of one that did', { ...before, evicts: true }, { commands: [7] }, REASONS.statsReset],
  ])('%s', (_what, witness, change, reason) => {
    expect(suspicionOf(witness, { ...now, ...change }, 9)?.reason ?? null).toBe(reason);
  });

  it('a suspicion stands until it is decided; a new cause drops the decision and takes a new name', () => {
    const suspicion: Suspicion = { ...flushed, since: 50 };
    expect(suspicionOf({ ...before, suspicion }, { ...now, survived: '' }, 9)).toBe(suspicion);
    const decided = { ...before, suspicion: { ...suspicion, accepted: 'absence' as const } };
    expect(suspicionOf(decided, now, 9)).toBe(decided.suspicion);
    // The server was flushed and marked since. The attempt with the decision died before it claimed the store again.
    expect(suspicionOf(decided, { ...now, unclaimed: true }, 9)).toBe(decided.suspicion);
    expect(suspicionOf(decided, { ...now, evicted: 4 }, 9)).toMatchObject({ since: 51, accepted: null });
  });
});

describe('the gap of a server that came back with its newest mark', () => {
  const before: ServerRecord = { runId: 'a', evicted: 0, commands: [50], mark: '5', suspicion: null };
  const now: ServerShown = {
    runId: 'b',
    evicted: 0,
    commands: [60],
    evicts: false,
    survived: '5',
    unclaimed: false,
  };
  const agreedAt = (stamp: string) => ({ stamp, source: 'a', target: 'b', ours: false, spelling: '' });

  it('begins at that mark and ends with the attempt that meets it', () => {
    const gap = gapOf(before, now, '8') ?? undefined;
    expect(['4', '5', '6', '7', '8', '9'].filter((stamp) => isInGap(agreedAt(stamp), gap))).toEqual([
      '6',
      '7',
    ]);
    expect(isInGap(null, gap)).toBe(false);
  });

  it('is none where the server ran on, or lacks the mark and is suspect, and stays until it is closed, however often the server restarts', () => {
    expect(gapOf(before, { ...now, runId: 'a' }, '8')).toBeNull();
    expect(gapOf(null, now, '8')).toBeNull();
    expect(gapOf(before, { ...now, survived: '4' }, '8')).toBeNull();
    const gap = { after: '5', before: '8' };
    expect(gapOf({ ...before, runId: 'b', mark: '9', gap }, { ...now, survived: '9' }, 'x')).toEqual(gap);
    expect(gapOf({ ...before, mark: '9', gap }, { ...now, survived: '9' }, 'x')).toEqual({
      after: '5',
      before: 'x',
    });
  });
});
