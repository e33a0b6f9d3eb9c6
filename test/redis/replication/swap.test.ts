import { expect, test } from 'vitest';
import { ABSENT } from '../../../domain/protocol/protocol.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { type Swap, swap } from '../../../redis/replication/large/staged-write.ts';
import { entryTail, entryPlaceOf } from '../../../redis/state/ledger.ts';
import { alone, ledgerOf, portOf } from '../../../redis/replication/store/store-port.ts';
import { withRedis } from '../../support/servers/redis.ts';

const keyspace = keyspaceOf('swap');
const name = 'match:large';
const place = entryPlaceOf(name);
const world = withRedis();

test('L1 L2: a swap whose shadow is gone changes nothing: value, expiry and entry stay', async () => {
  const redis = world.client;
  const port = await portOf('target', redis);
  await writeAuthority(port.run, { side: 'source', epoch: 1 });
  await redis.set(keyspace.lease('v1'), '7');
  const bucket = ledgerOf(port, keyspace, 'v1', name, place);
  await redis.set(name, 'live', 'PXAT', 4_000_000_000_000);
  await redis.hset(bucket, place.field, 'entry');
  const one: Swap = {
    name,
    place,
    act: 'rename',
    expected: ABSENT,
    expectedEntry: 'entry',
    silent: '',
    shadow: keyspace.shadow('v1', 7),
    content: '0123456789abcdef',
    expireAt: -1n,
    stamp: 'stamp--1',
    other: ABSENT,
    tail: entryTail({ ours: false, spelling: '' }),
    journal: true,
    preimage: true,
  };
  const mandate = { shard: 'v1', token: 7, epoch: 1 };
  const word = await swap({ ...alone(port), fieldTtls: false }, keyspace, 'v1', mandate, one);
  expect(word).toBe('stale');
  expect(await redis.get(name)).toBe('live');
  expect(await redis.pexpiretime(name)).toBe(4_000_000_000_000);
  expect(await redis.hget(bucket, place.field)).toBe('entry');
  expect(await redis.exists(keyspace.journal('v1'), keyspace.preimage('v1'))).toBe(0);
});
