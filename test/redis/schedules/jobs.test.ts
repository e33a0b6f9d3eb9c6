import { describe, expect, test } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import type { Write } from './app.ts';
import { type JobHistory, judgeJobs } from './jobs.ts';
import { NOTHING, type Seen } from './seen.ts';

/** A stream of two messages, both delivered to the group; some of them are pending. */
const stream = (...pending: readonly string[]): Seen => {
  const groups = ['group g 2-1 2', 'consumer g one', ...pending.map((id) => `pending g ${id} one 1`)];
  return { content: ['stream (1-1 (id a))', '(2-1 (id b))', ...groups].join('\u0001'), expireAt: -1 };
};
const notDelivered: Seen = { content: 'stream (1-1 (id a))\u0001group g 0-0 0', expireAt: -1 };
const write = (id: string, side: Side, before: Seen, after: Seen): Write => {
  return { id, side, key: 'k', before, after, respelled: false, what: '', ackedMs: 0 };
};
const READ = write('read', 'source', NOTHING, stream('1-1', '2-1'));
const ACKNOWLEDGED = write('acknowledged', 'source', stream('1-1', '2-1'), stream('2-1'));

const says = (
  writes: readonly Write[],
  end: Seen,
  { journal = [], beside = false, ...rest }: Partial<JobHistory> = {},
) => judgeJobs({ key: 'k', writes, final: [end, end], journal, beside, ...rest }).map(({ what }) => what);

describe('the oracle of work on streams', () => {
  test('L2: has nothing to say of what is acknowledged, or pending still', () => {
    expect(says([READ, ACKNOWLEDGED], stream('2-1'))).toEqual([]);
  });

  test('L2: says of a message that was acknowledged that it is pending at rest, or for the next consumer', () => {
    expect(says([READ, ACKNOWLEDGED], stream('1-1', '2-1'))).toEqual(['handed again']);
    const next = write('next', 'target', stream('1-1', '2-1'), stream());
    expect(says([READ, ACKNOWLEDGED, next], stream())).toEqual(['handed again']);
  });

  test('L2: an acknowledgement may lose where the sides worked beside each other, and is whole in the journal', () => {
    const end = stream('1-1', '2-1');
    expect(says([READ, ACKNOWLEDGED], end, { beside: true, journal: [stream('2-1')] })).toEqual([]);
    expect(says([READ, ACKNOWLEDGED], end, { beside: true, journal: [] })).toEqual(['handed again']);
    expect(says([READ, ACKNOWLEDGED], end, { beside: true, journal: [notDelivered] })).toEqual([
      'handed again',
    ]);
  });

  test('L2: where one side at a time worked there is no conflict', () => {
    const journal = [stream('1-1', '2-1')];
    expect(says([READ, ACKNOWLEDGED], stream('2-1'), { journal })).toEqual(['conflict']);
    expect(says([READ, ACKNOWLEDGED], stream('2-1'), { journal, beside: true })).toEqual([]);
  });

  test('L2: what a side whose server came back has replaced may be in the journal, and is not handed out again', () => {
    const journal = [stream('1-1', '2-1')];
    expect(says([READ, ACKNOWLEDGED], stream('2-1'), { journal, restarted: ['source'] })).toEqual([]);
    expect(says([READ, ACKNOWLEDGED], stream('2-1'), { journal, restarted: ['target'] })).toEqual([
      'conflict',
    ]);
    const end = stream('1-1', '2-1');
    expect(says([READ, ACKNOWLEDGED], end, { journal: [], restarted: ['source'] })).toEqual(['handed again']);
  });
});
