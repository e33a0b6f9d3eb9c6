import { describe, expect, it } from 'vitest';
import { ABSENT } from '../../domain/digest.ts';
import type { Seen, Step } from '../../domain/protocol.ts';
import {
  REASONS,
  rulingOf,
  type Shown,
  suspicionOf,
  type Suspicion,
  type Witness,
} from '../../domain/suspicion.ts';

const PRESENT = `${'c'.repeat(8)}${'\xff'.repeat(8)}`;
const entry = (stamp: string) => ({ stamp, source: PRESENT, target: PRESENT, ours: true, spelling: 0 });
const seen = (digest: string, stamp?: string): Seen => ({
  digest,
  nowMs: 0,
  entry: stamp ? entry(stamp) : null,
});
const flushed: Suspicion = { since: 1, reason: REASONS.flushed, survived: null, accepted: null };
const stale: Suspicion = { ...flushed, reason: REASONS.older, survived: '5' };
const carry = (conflict = false, absence = false): Step => ({ do: 'carry', to: 'target', conflict, absence });
const rule = (step: Step, source: Seen, target: Seen, suspicion: Suspicion, since: string | null = null) =>
  rulingOf(step, { source, target }, { source: suspicion }, () => since);

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
  const before: Witness = { runId: 'a', evicted: 3, mark: '5', suspicion: null };
  const now: Shown = { runId: 'a', evicted: 3, evicts: false, survived: '5', unclaimed: false };

  it.each<[string, Witness | null, Partial<Shown>, string | null]>([
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
  ])('%s', (_what, witness, change, reason) => {
    expect(suspicionOf(witness, { ...now, ...change }, 9)?.reason ?? null).toBe(reason);
  });

  it('a suspicion stands until it is decided; a new cause drops the decision and takes a new name', () => {
    const suspicion: Suspicion = { ...flushed, since: 50 };
    expect(suspicionOf({ ...before, suspicion }, { ...now, survived: '' }, 9)).toBe(suspicion);
    const decided = { ...before, suspicion: { ...suspicion, accepted: 'absence' as const } };
    expect(suspicionOf(decided, now, 9)).toBe(decided.suspicion);
    // Flushed, marked since, and the attempt that was told the decision died before it had claimed the store again.
    expect(suspicionOf(decided, { ...now, unclaimed: true }, 9)).toBe(decided.suspicion);
    expect(suspicionOf(decided, { ...now, evicted: 4 }, 9)).toMatchObject({ since: 51, accepted: null });
  });
});
