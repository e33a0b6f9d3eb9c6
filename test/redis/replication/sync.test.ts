import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { eventually } from '../../support/eventually.ts';
import { monitor } from '../../support/servers/monitor.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { wordsOf } from '../../support/house/words.ts';

describe('the two-way sync of one link', () => {
  const world = withSyncWorld();
  const plan = planOf([
    dataset({ name: 'match' }),
    dataset({ name: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } }),
  ]);

  test('copies every type with its absolute expiry to the ms (L4)', async () => {
    const { v1, v2 } = world;
    const at = Date.now() + 60_123;
    await v1.client.set('match:text', 'été 🎯');
    await v1.client.set('match:number', '42', 'PXAT', at);
    await v1.client.hset('match:hash', { a: '1', b: '2' });
    await v1.client.pexpireat('match:hash', at);
    await v1.client.rpush('match:list', 'x', 'y', 'x');
    await v1.client.sadd('match:set', ...Array.from({ length: 300 }, (_, i) => `member-${i}`));
    await v1.client.zadd('match:zset', 94.5, 'a', 1, 'b');
    await v1.client.xadd('match:stream', '*', 'field', 'value');
    await v1.client.set('metrics:cpu', '1.0');
    await v1.client.set('other:key', 'not ours');
    const binary = Buffer.from([0, 255, 10, 128]);
    await v1.client.set(Buffer.concat([Buffer.from('match:'), binary]), binary);
    const sync = await world.start(plan);
    await sync.live();
    expect(await v2.client.get('match:text')).toBe('été 🎯');
    expect(await v2.client.pexpiretime('match:number')).toBe(at);
    expect(await v2.client.hgetall('match:hash')).toEqual({ a: '1', b: '2' });
    expect(await v2.client.pexpiretime('match:hash')).toBe(at);
    expect(await v2.client.lrange('match:list', 0, -1)).toEqual(['x', 'y', 'x']);
    expect(await v2.client.scard('match:set')).toBe(300);
    expect(await v2.client.zscore('match:zset', 'a')).toBe('94.5');
    expect(await v2.client.xlen('match:stream')).toBe(1);
    expect(await v2.client.get('metrics:v1:cpu')).toBe('1.0');
    expect(await v2.client.exists('other:key', 'metrics:cpu')).toBe(0);
    expect(await v2.client.getBuffer(Buffer.concat([Buffer.from('match:'), binary]))).toEqual(binary);
  });

  test('carries writes, deletes and renewed expiries both ways (L2)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await v1.client.set('match:1', 'from v1');
    await sameString(v1.client, v2.client, 'match:1', 'from v1');
    await v2.client.set('match:1', 'from v2');
    await sameString(v1.client, v2.client, 'match:1', 'from v2');
    const at = Date.now() + 90_000;
    await v2.client.pexpireat('match:1', at);
    await eventually('the expiry on V1', async () => (await v1.client.pexpiretime('match:1')) === at);
    await v2.client.del('match:1');
    await sameString(v1.client, v2.client, 'match:1', null);
    await v2.client.set('match:born-on-v2', 'hello');
    await sameString(v1.client, v2.client, 'match:born-on-v2', 'hello');
  });

  test('an idle system stays idle: no write of ours but the beats (L3)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 50; i++)
      await v1.client.sadd(`match:set:${i}`, ...Array.from({ length: 200 }, (_, j) => `m${j}`));
    const sync = await world.start(plan);
    await sync.live();
    await eventually(
      'nothing pending',
      () => sync.status()?.pending.toTarget === 0 && sync.status()?.pending.toSource === 0,
    );
    const carried = sync.status()?.carried;
    const watch = await monitor(v2.server.port);
    const from = wordsOf(sync.status());
    await eventually('three more reports', () => wordsOf(sync.status()) >= from + 3);
    await eventually(
      'a lag that was measured',
      () => sync.status()?.lagMs.toTarget.p99 !== null && sync.status()?.lagMs.toSource.p99 !== null,
    );
    watch.stop();
    const writes = watch
      .lines()
      .filter((line) => /\] "(restore|set|hset|hdel|del|unlink|sadd)"/i.test(line))
      .filter((line) => !/:(beat|arrival|status|witness):/.test(line));
    expect(watch.lines().some((line) => line.includes(':status:'))).toBe(true);
    expect(writes).toEqual([]);
    expect(sync.status()?.carried).toEqual(carried);
  });

  test('keys of V2 that were there before stay as they are and do not travel (L6)', async () => {
    const { v1, v2 } = world;
    await v2.client.set('match:native', 'v2 only');
    await v1.client.set('match:both', 'same');
    await v2.client.set('match:both', 'same');
    const sync = await world.start(plan);
    await sync.live();
    await v1.client.set('match:probe', 'x');
    await sameString(v1.client, v2.client, 'match:probe', 'x');
    expect(await v2.client.get('match:native')).toBe('v2 only');
    expect(await v1.client.exists('match:native')).toBe(0);
    await v2.client.set('match:native', 'changed by its app');
    await sameString(v1.client, v2.client, 'match:native', 'changed by its app');
  });

  test('a conflict is won by the authority, the loser is whole in the journal (L2)', async () => {
    const { v1, v2 } = world;
    await v1.client.set('match:c', 'v1 wins');
    await v2.client.set('match:c', 'v2 loses');
    const sync = await world.start(plan);
    await sync.live();
    await sameString(v1.client, v2.client, 'match:c', 'v1 wins');
    const journal = await v2.client.hgetallBuffer(keyspaceOf('test').journal('v1'));
    const [loser] = Object.values(journal);
    expect(loser).toBeDefined();
    await v2.client.callBuffer('RESTORE', 'restored', '0', (loser as Buffer).subarray(8));
    expect(await v2.client.get('restored')).toBe('v2 loses');
  });

  test('what happened while no sync ran is found again against the ledger (L8)', async () => {
    const { v1, v2 } = world;
    for (const key of ['a', 'b', 'c', 'd']) await v1.client.set(`match:${key}`, 'old');
    const first = await world.start(plan);
    await first.live();
    await sameString(v1.client, v2.client, 'match:d', 'old');
    await first.stop();
    await v1.client.set('match:a', 'new on v1');
    await v2.client.set('match:b', 'new on v2');
    await v1.client.del('match:c');
    await v2.client.set('match:e', 'born on v2');
    const second = await world.start(plan);
    await second.live();
    await sameString(v1.client, v2.client, 'match:a', 'new on v1');
    await sameString(v1.client, v2.client, 'match:b', 'new on v2');
    await sameString(v1.client, v2.client, 'match:c', null);
    await sameString(v1.client, v2.client, 'match:e', 'born on v2');
    expect(second.status()?.conflicts).toBe(0);
  });

  test('a second attempt fences the first out (L1)', async () => {
    const { v1, v2 } = world;
    const first = await world.start(plan);
    await first.live();
    const second = await world.start(plan);
    await second.live();
    await v1.client.set('match:z', '1');
    await sameString(v1.client, v2.client, 'match:z', '1');
    await expect(first.done).rejects.toMatchObject({ name: 'LeaseLost' });
  });

  test('absences after a flush do not travel (L5)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 20; i++) await v1.client.set(`match:${i}`, 'x');
    const sync = await world.start(plan);
    await sync.live();
    await v1.client.flushall();
    await eventually('the breaker to open', () => sync.status()?.breaker?.side === 'source');
    expect((await v2.client.keys('match:*')).length).toBe(20);
  });

  test('a flush of V1 is not believed by the next attempt either, though it took our own records with it (L5)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 20; i++) await v1.client.set(`match:${i}`, 'x');
    const first = await world.start(plan);
    await first.live();
    await v1.client.flushall();
    await v2.client.set('match:new', 'written on V2');
    await expect(first.done).rejects.toMatchObject({ name: 'LeaseLost' });
    const second = await world.start(plan);
    await second.live();
    await sameString(v1.client, v2.client, 'match:new', 'written on V2');
    expect(second.status()?.breaker?.side).toBe('source');
    expect((await v2.client.keys('match:*')).length).toBe(21);
  });

  test('a value in quarantine leaves it when the key is deleted (L11)', async () => {
    const { v1 } = world;
    const lensed = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);
    await v1.client.set('match:q', '{"offers":[1],"offres":[2]}');
    const sync = await world.start(lensed);
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    await v1.client.del('match:q');
    await eventually('the empty quarantine', () => sync.status()?.quarantined === 0);
  });
});
