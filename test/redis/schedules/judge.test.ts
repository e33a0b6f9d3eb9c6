import { describe, expect, test } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import type { Acceptance } from '../../../domain/protocol/loss-suspicion.ts';
import type { Write } from './app.ts';
import { type LostState, judge, type KeyHistory } from './judge.ts';
import { NOTHING, type Seen } from './seen.ts';

const text = (content: string, expireAt = -1): Seen => ({ content, expireAt });
const write = (side: Side, before: Seen, after: Seen): Write => ({
  id: after.content,
  side,
  key: 'k',
  before,
  after,
  respelled: before === after,
  what: '',
  ackedMs: 0,
});
const [A, B, C] = [text('a'), text('b'), text('c')];
/** V1 wrote a, V2 replaced it by b, V1 replaced it by c without having seen b. */
const FORK = [write('source', NOTHING, A), write('target', A, B), write('source', A, C)];

const says = (writes: readonly Write[], end: Seen | readonly [Seen, Seen], journal: readonly Seen[] = []) => {
  const [source, target] = Array.isArray(end) ? (end as [Seen, Seen]) : [end as Seen, end as Seen];
  const history: KeyHistory = { key: 'k', writes, final: { source, target }, journal, nowMs: 1_000 };
  return judge(history).map(({ what }) => what);
};

/** V1 wrote a, and both sides held it when V1 was flushed. */
const flushOf = (word: Acceptance): LostState => ({
  state: A,
  side: 'source',
  word,
  fromMs: 100,
  untilMs: 200,
});
const saysOfFlush = (
  word: Acceptance,
  end: Seen,
  during: readonly Write[] = [],
  journal: readonly Seen[] = [],
) => {
  const writes = [write('source', NOTHING, A), ...during.map((one) => ({ ...one, ackedMs: 150 }))];
  const final = { source: end, target: end };
  const losses = [flushOf(word)];
  return judge({ key: 'k', writes, final, journal, nowMs: 1_000, losses }).map(({ what }) => what);
};

describe('the oracle after a flush that an operator has decided on', () => {
  test('L5: restored is what stood there, and nothing else', () => {
    expect(saysOfFlush('restore', A)).toEqual([]);
    expect(saysOfFlush('restore', NOTHING)).toContain('lost');
    expect(saysOfFlush('restore', B)).toContain('foreign');
  });

  test('L5: an absence that was accepted has travelled, or was not the newest state', () => {
    expect(saysOfFlush('absence', NOTHING)).toEqual([]);
    expect(saysOfFlush('absence', A)).toEqual([]);
    expect(saysOfFlush('absence', B)).toContain('foreign');
  });

  test('L2 L5: what apps wrote before the decision is there, or whole in the journal', () => {
    expect(saysOfFlush('restore', B, [write('source', NOTHING, B)])).toEqual([]);
    expect(saysOfFlush('restore', A, [write('source', NOTHING, B)], [B])).toEqual([]);
    expect(saysOfFlush('restore', A, [write('source', NOTHING, B)])).toContain('lost');
    expect(saysOfFlush('absence', NOTHING, [write('target', A, B)])).toContain('lost');
    expect(saysOfFlush('absence', NOTHING, [write('target', A, B)], [B])).toEqual([]);
  });
});

describe('the oracle after an eviction that took other keys', () => {
  const saysOf = (word: Acceptance, ackedMs: number, end: Seen) => {
    const writes = [write('source', NOTHING, A), { ...write('source', A, NOTHING), ackedMs }];
    const losses = [{ ...flushOf(word), state: null }];
    const final = { source: end, target: end };
    return judge({ key: 'k', writes, final, journal: [], nowMs: 1_000, losses }).map(({ what }) => what);
  };

  test('L5: a delete on the suspect side may be taken back by a restore, and by nothing else', () => {
    expect(saysOf('restore', 150, A)).toEqual([]);
    expect(saysOf('restore', 150, NOTHING)).toEqual([]);
    expect(saysOf('restore', 50, A)).toEqual(['resurrected']);
    expect(saysOf('absence', 150, A)).toEqual(['resurrected']);
  });
});

describe('the oracle of the schedules', () => {
  test.each([
    ['one write, on both sides', [write('source', NOTHING, A)], A, []],
    ['a conflict whose loser is in the journal', FORK, C, [B]],
    ['a delete', [write('source', NOTHING, A), write('target', A, NOTHING)], NOTHING, []],
    ['what expired by itself', [write('source', NOTHING, text('a', 500))], NOTHING, []],
    [
      'what expired on one side a moment before the other',
      [write('source', NOTHING, text('a', 900))],
      [NOTHING, text('a', 900)],
      [],
    ],
    [
      'a state that was written twice and lost twice',
      [...FORK, write('target', C, B), write('source', C, A)],
      A,
      [B, B],
    ],
    [
      'a state that lost, and was then written again by one who had seen the winner',
      [write('source', NOTHING, A), write('target', NOTHING, B), write('target', A, B)],
      B,
      [B],
    ],
    [
      'a loser beside which the other side spelled what it had otherwise',
      [write('target', NOTHING, A), write('source', A, A), write('target', A, B)],
      A,
      [B],
    ],
    [
      'another spelling that lost',
      [write('target', NOTHING, A), write('source', A, A), write('target', A, B)],
      B,
      [A],
    ],
  ] as const)('L2: has nothing to say about %s', (_what, writes, end, journal) => {
    expect(says(writes, end as Seen, journal)).toEqual([]);
  });

  test.each([
    ['differs', 'sides that differ', FORK, [C, B], []],
    ['lost', 'a loser that is in no journal', FORK, C, []],
    [
      'resurrected',
      'an older state that came back',
      [write('source', NOTHING, A), write('source', A, B)],
      A,
      [B],
    ],
    [
      'resurrected',
      'a deleted key that came back',
      [write('source', NOTHING, A), write('source', A, NOTHING)],
      A,
      [],
    ],
    [
      'foreign',
      'a state that nobody wrote',
      [write('source', NOTHING, A), write('source', A, NOTHING)],
      B,
      [],
    ],
    [
      'foreign',
      'an expiry that nobody set',
      [write('source', NOTHING, text('a', 5_000))],
      A,
      [text('a', 5_000)],
    ],
    [
      'conflict',
      'a loser that nobody was beside',
      [write('source', NOTHING, A), write('source', A, B)],
      NOTHING,
      [B],
    ],
    ['conflict', 'a loser that was replaced by somebody who had seen it', FORK, C, [B, A]],
    ['conflict', 'a loser that is journaled twice', FORK, C, [B, B]],
    [
      'conflict',
      'a loser beside which only its own side spelled it otherwise',
      [write('target', NOTHING, A), write('target', A, A), write('target', A, B)],
      NOTHING,
      [B],
    ],
  ] as const)('L2 L3: says “%s” of %s', (what, _which, writes, end, journal) => {
    expect(says(writes, end as Seen, journal)).toContain(what);
  });
});

describe('the oracle where V2 served and V1 was left open', () => {
  const judged = (writes: readonly Write[], end: Seen, journal: readonly Seen[], leftOpen: boolean) =>
    judge({ key: 'k', writes, final: { source: end, target: end }, journal, nowMs: 1_000, leftOpen }).map(
      ({ what }) => what,
    );
  const stray = [write('target', NOTHING, A), write('source', A, B)];

  test('L2: what V1 wrote is answered with the state of V2 and whole in the journal; else it is lost', () => {
    expect(judged(stray, A, [B], true)).toEqual([]);
    expect(judged(stray, A, [], true)).toEqual(['lost']);
    expect(judged(stray, A, [B], false)).toEqual(['resurrected', 'conflict']);
  });

  test('L2: what V2 itself has replaced does not come back', () => {
    expect(judged([write('source', NOTHING, A), write('target', A, B)], A, [B], true)).toContain(
      'resurrected',
    );
  });
});

describe('the oracle where a server came back', () => {
  const judged = (restarted: readonly Side[], journal: readonly Seen[]) => {
    const writes = [write('source', NOTHING, A), write('target', A, B)];
    const final = { source: B, target: B };
    return judge({ key: 'k', writes, final, journal, nowMs: 1_000, restarted }).map(({ what }) => what);
  };

  test('L2: what a write of that side replaced may be in the journal, and nothing else', () => {
    expect(judged(['target'], [A])).toEqual([]);
    expect(judged(['target'], [])).toEqual([]);
    expect(judged(['source'], [A])).toEqual(['conflict']);
    expect(judged(['target'], [A, A])).toEqual(['conflict', 'conflict']);
    expect(judged(['target'], [B])).toEqual(['conflict']);
  });
});
