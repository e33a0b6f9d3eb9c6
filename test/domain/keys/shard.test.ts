import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUCKETS, bucketOf } from '../../../domain/keys/slot.ts';
import { freshSyncs, isUnknown } from '../../../domain/gates/fresh.ts';
import { linkStatusOf } from '../../../domain/gates/link-status.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { owns, shardsOf, shardsOfPlan, shareOf, wholeOf } from '../../../domain/keys/shard.ts';
import type { LinkStatus, Dated } from '../../../domain/gates/status.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import { exampleSnapshot } from '../../support/plans/example-snapshot.ts';

function linkOf(shards: number) {
  const [link] = linksOf(examplePlan({ shards }));
  if (!link) throw new Error('the example has a link');
  return link;
}

describe('shards of a link', () => {
  test('a link that is not split is its own only shard, under its own name', () => {
    expect(shardsOfPlan(examplePlan()).map(({ name }) => name)).toEqual(['v1', 'nexten']);
    expect(wholeOf(linkOf(1)).name).toBe('v1');
    expect(() => wholeOf(linkOf(2))).toThrow('link v1 is split');
  });

  test('a split link has numbered shards, which no link can be called', () => {
    expect(shardsOf(linkOf(3)).map(({ name }) => name)).toEqual(['v1.1', 'v1.2', 'v1.3']);
  });

  test('each key is exactly one shard’s, and shards share no bucket of the ledger (L1)', () => {
    const link = linkOf(1);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 64 }), (text, n) => {
        const key = Buffer.from(text).toString('latin1');
        const owners = shardsOf({ ...link, shards: n }).filter((shard) => owns(shard, key));
        expect(owners).toHaveLength(1);
        if (n > 1) expect(owners[0]?.index).toBe(bucketOf(key) % n);
      }),
    );
  });

  test('a bucket is the CRC-16 of the whole key, as redis-cli counts it, tags in braces included', () => {
    expect(bucketOf('123456789')).toBe(0x31c3 % BUCKETS);
    expect(bucketOf('')).toBe(0);
    expect(bucketOf('{tag}:1')).not.toBe(bucketOf('{tag}:2'));
  });

  test('the keys of an app fall evenly: no shard has a tenth more than another', () => {
    const shards = shardsOf(linkOf(8));
    const counts = shards.map(() => 0);
    for (let i = 0; i < 40_000; i++) counts[bucketOf(`candidate:profile:${i * 7_919}`) % 8]! += 1;
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.1);
  });

  test('a limit of the link is shared out; no limit stays none', () => {
    const [shard] = shardsOf(linkOf(4));
    expect(shard && [shareOf(shard, 20_000), shareOf(shard, 0)]).toEqual([5_000, 0]);
  });
});

function statusOf(change: Partial<Dated<LinkStatus>>): Dated<LinkStatus> {
  const sync = exampleSnapshot().links[0]?.sync;
  if (!sync) throw new Error('the example has a sync');
  return { ...sync, ...change };
}

describe('what the shards of a link say together', () => {
  test('L7: one that says nothing makes the whole unknown', () => {
    expect(linkStatusOf([statusOf({ shard: 'v1.1' }), null])).toBeNull();
    expect(linkStatusOf([])).toBeNull();
  });

  test.each([9_000, null])(
    'L7: one that fell silent, or that nobody can date, makes the whole so: %s',
    (ageMs) => {
      const sync = linkStatusOf([statusOf({ ageMs: 0 }), statusOf({ ageMs })]);
      const snapshot = exampleSnapshot({ only: 'v1', sync });
      expect(isUnknown(freshSyncs(snapshot, examplePlan()))).toBe(true);
    },
  );

  test('L7: one whose lag is not measured makes the lag not measured; else the slowest counts', () => {
    const lag = (p99: number | null) => ({ toTarget: { p50: 1, p99 }, toSource: { p50: 2, p99: 3 } });
    expect(
      linkStatusOf([statusOf({ lagMs: lag(5) }), statusOf({ lagMs: lag(null) })])?.lagMs.toTarget,
    ).toEqual({ p50: 1, p99: null });
    expect(
      linkStatusOf([statusOf({ lagMs: lag(5) }), statusOf({ lagMs: lag(70) })])?.lagMs.toTarget.p99,
    ).toBe(70);
  });

  test('L5: a breaker that one of them opened is open for the link', () => {
    const breaker = { side: 'source', reason: 'the server was flushed' } as const;
    expect(linkStatusOf([statusOf({}), statusOf({ breaker })])?.breaker).toEqual(breaker);
  });

  test('a dataset has joined when all have it, the link is live when all are, and counts add up', () => {
    const one = statusOf({ joined: ['a', 'b'], copied: 3, quarantined: 1, state: 'live' });
    const other = statusOf({ joined: ['b', 'c'], copied: 4, quarantined: 2, state: 'scanning' });
    expect(linkStatusOf([one, other])).toMatchObject({
      link: 'v1',
      joined: ['b'],
      copied: 7,
      quarantined: 3,
      state: 'scanning',
      pending: { toTarget: 0, toSource: 0 },
      carried: { toTarget: 200, toSource: 0 },
    });
  });
});
