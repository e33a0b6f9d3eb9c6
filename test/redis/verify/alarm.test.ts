import { describe, expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import { shortHash } from '../../../redis/verify/typed-state.ts';
import { fillEqual, withVerifyWorld } from '../../support/worlds/verify-world.ts';

const world = withVerifyWorld();

type Damage = {
  readonly name: string;
  /** Source name of the damaged key. */
  readonly key: string;
  readonly what: string;
  readonly harm: (v2: Redis) => Promise<unknown>;
};

const DAMAGES: readonly Damage[] = [
  {
    name: 'a flipped byte of a binary string',
    key: 'session:binary',
    what: 'value',
    harm: (v2) => v2.setrange('session:binary', 1, Buffer.from([254])),
  },
  {
    name: 'one letter inside a transformed document',
    key: 'match:document',
    what: 'value',
    harm: (v2) => v2.set('match:document', '{"jobs":[{"id":1,"note":94.6}],"été":"🎯"}', 'KEEPTTL'),
  },
  {
    name: 'a number spelled otherwise',
    key: 'match:fields',
    what: 'value',
    harm: (v2) => v2.hset('match:fields', 'score', '1'),
  },
  { name: 'a dropped field', key: 'session:1', what: 'value', harm: (v2) => v2.hdel('session:1', 'seen') },
  { name: 'an added field', key: 'session:1', what: 'value', harm: (v2) => v2.hset('session:1', 'more', '') },
  {
    name: 'a dropped key',
    key: 'match:fields',
    what: 'missing on target',
    harm: (v2) => v2.del('match:fields'),
  },
  {
    name: 'a dropped key under its new name',
    key: 'metrics:set',
    what: 'missing on target',
    harm: (v2) => v2.del('metrics:v1:set'),
  },
  {
    name: 'an extra key',
    key: 'session:stray',
    what: 'missing on source',
    harm: (v2) => v2.set('session:stray', 'x'),
  },
  {
    name: 'an extra key under its new name',
    key: 'metrics:stray',
    what: 'missing on source',
    harm: (v2) => v2.set('metrics:v1:stray', 'x'),
  },
  {
    name: 'an expiry that is one millisecond off',
    key: 'session:1',
    what: 'expiry',
    harm: async (v2) => v2.pexpireat('session:1', (await v2.pexpiretime('session:1')) + 1),
  },
  { name: 'a lost expiry', key: 'session:1', what: 'expiry', harm: (v2) => v2.persist('session:1') },
  {
    name: 'an expiry where there was none',
    key: 'session:binary',
    what: 'expiry',
    harm: (v2) => v2.expire('session:binary', 500),
  },
  {
    name: 'a wrong type',
    key: 'metrics:set',
    what: 'type',
    harm: (v2) => v2.multi().del('metrics:v1:set').rpush('metrics:v1:set', 'x', 'y', 'z').exec(),
  },
  {
    name: 'a reordered list',
    key: 'metrics:list',
    what: 'value',
    harm: (v2) => v2.multi().del('metrics:v1:list').rpush('metrics:v1:list', 'a', 'a', 'b').exec(),
  },
  {
    name: 'a changed member of a set',
    key: 'metrics:set',
    what: 'value',
    harm: (v2) => v2.multi().srem('metrics:v1:set', 'x').sadd('metrics:v1:set', 'w').exec(),
  },
  {
    name: 'a changed score',
    key: 'metrics:zset',
    what: 'value',
    harm: (v2) => v2.zadd('metrics:v1:zset', 0.2, 'm'),
  },
  {
    name: 'an added stream entry',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.xadd('metrics:v1:stream', '6-1', 'f', 'v'),
  },
  {
    name: 'a stream group of nobody',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.xgroup('CREATE', 'metrics:v1:stream', 'g', '0'),
  },
  {
    name: 'a message that is acknowledged on one side alone',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.xack('metrics:v1:stream', 'readers', '5-1'),
  },
  {
    name: 'a message that is pending at somebody else',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.call('XCLAIM', ['metrics:v1:stream', 'readers', 'two', '0', '5-1', 'JUSTID']),
  },
  {
    name: 'a message that was delivered once more',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.call('XCLAIM', ['metrics:v1:stream', 'readers', 'one', '0', '5-1', 'RETRYCOUNT', '2']),
  },
  {
    name: 'a group that would hand messages out again',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.xgroup('SETID', 'metrics:v1:stream', 'readers', '0'),
  },
  {
    name: 'another last id of a stream',
    key: 'metrics:stream',
    what: 'value',
    harm: (v2) => v2.call('XSETID', ['metrics:v1:stream', '6-1']),
  },
  {
    name: 'a rogue write over a whole value',
    key: 'match:document',
    what: 'value',
    harm: (v2) => v2.set('match:document', 'not ours', 'KEEPTTL'),
  },
];

describe('L13 the verifier finds every kind of damage by itself', () => {
  it.each(DAMAGES)('$name on the target is diverged: $what', async ({ key, what, harm }) => {
    const keys = await fillEqual(world.v1.client, world.v2.client);
    const verifier = await world.verify();
    const before = await verifier.nextPass();
    expect(before).toMatchObject({ settled: keys, equal: keys, pending: 0, diverged: 0, evidence: [] });

    await harm(world.v2.client);
    const after = await verifier.reports('the damage to be settled', (status) => status.diverged === 1);
    expect(after.evidence).toEqual([{ dataset: key.split(':')[0], key: shortHash(key), what }]);
    const extra = what === 'missing on source' ? 1 : 0;
    expect(await verifier.nextPass()).toMatchObject({
      settled: keys + extra,
      equal: keys + extra - 1,
      diverged: 1,
      pending: 0,
    });
  });

  it('L7 a repaired key is equal again, and no pass is clean before it is', async () => {
    await fillEqual(world.v1.client, world.v2.client);
    await world.v2.client.hset('session:1', 'seen', '13');
    const verifier = await world.verify();
    expect((await verifier.nextPass()).clean).toBeNull();
    await world.v2.client.hset('session:1', 'seen', '12');
    const clean = await verifier.reports('a clean pass', ({ clean }) => clean !== null);
    expect(clean).toMatchObject({ diverged: 0, pending: 0 });
  });

  it('L12 evidence holds no key, and at most twenty items while the counters stay exact', async () => {
    for (let i = 0; i < 50; i++) await world.v1.client.set(`session:secret-${i}`, 'x');
    const verifier = await world.verify();
    const status = await verifier.reports('all to be diverged', ({ diverged }) => diverged === 50);
    expect(status.evidence).toHaveLength(20);
    expect(JSON.stringify(verifier.statuses)).not.toContain('secret');
  });
});
