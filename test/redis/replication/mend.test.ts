import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { wholeOf } from '../../../domain/keys/shard.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { reportDifferences } from '../../../redis/verify/verifier.ts';
import { entryPlaceOf } from '../../../redis/state/ledger.ts';
import { UNREAD } from '../../../redis/replication/store/state-codec.ts';
import { keyBytes } from '../../../redis/client/key-bytes.ts';
import { walkedState } from '../../../redis/replication/large/endpoint.ts';
import { alone, ledgerOf, portOf, readStates } from '../../../redis/replication/store/store-port.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { startHeldVerifier } from '../../support/worlds/held-verifier.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);
const [link] = linksOf(plan) as [ReturnType<typeof linksOf>[number]];
const keyspace = keyspaceOf(plan.migration);
const LARGE = 'x'.repeat(300_000);

describe.each(['redis-server', 'valkey-server'] as const)(
  'what %s holds different, and the ledger calls agreed,',
  (engine) => {
    const binary = { binary: findTool(engine) };
    const world = withSyncWorld({ v1: binary, v2: binary });

    const verify = () => {
      const { statuses, cancel, done } = startHeldVerifier(plan, world);
      onTestFinished(async () => {
        cancel();
        await done;
      });
      return statuses;
    };

    /** Makes the ledger say that both sides agree now, as it would if two different values had the same digest. */
    const callAgreed = async (key: string) => {
      const place = entryPlaceOf(key);
      const seen = async (side: 'source' | 'target', redis: Redis) => {
        const port = await portOf(side, redis);
        const [state] = await readStates(port, keyspace, link.name, [{ name: key, place, wanted: 'digest' }]);
        if (!state) throw new Error('no state');
        const [node] = port.nodes;
        if (!node) throw new Error('no node');
        const end = alone({ ...node, fieldTtls: false });
        const digest = state.digest === UNREAD ? await walkedState(end, keyBytes(key)) : state.digest;
        return { ...state, digest, redis, bucket: ledgerOf(node, keyspace, link.name, key, place) };
      };
      const [source, target] = [await seen('source', world.v1.client), await seen('target', world.v2.client)];
      for (const { entryBytes, entry, redis, bucket } of [source, target]) {
        if (!entry) continue;
        const states = source.digest + target.digest;
        const lie = entryBytes.slice(0, 8) + states + entryBytes.slice(8 + states.length);
        await redis.hset(bucket, place.field, Buffer.from(lie, 'latin1'));
      }
    };

    test('is found by the verifier and mended by the sync: the authority wins, the loser is in the journal, that pass is not clean (L2, L13)', async () => {
      const { v1, v2 } = world;
      await v1.client.set('match:string', '{"offers":[1]}');
      await v1.client.hset('match:hash', 'offers', '[1]', 'score', '1.0');
      await v1.client.sadd('match:set', 'a', 'b');
      await v1.client.set('match:same', 'untouched');
      const sync = await world.start(plan);
      await sync.live();
      await eventually(
        'the copy',
        async () => (await v2.client.exists('match:string', 'match:hash', 'match:set')) === 3,
      );
      await sync.stop();
      await v2.client.set('match:string', '{"jobs":[2]}');
      await v2.client.hset('match:hash', 'score', '2.0');
      await v2.client.srem('match:set', 'b');
      for (const key of ['match:string', 'match:hash', 'match:set']) await callAgreed(key);
      const again = await world.start(plan);
      await again.live();
      expect(await v2.client.get('match:string')).toBe('{"jobs":[2]}');

      const statuses = verify();
      await eventually('it to be mended', () => again.status()?.repaired === 3);
      expect(await v2.client.get('match:string')).toBe('{"jobs":[1]}');
      expect(await v2.client.hgetall('match:hash')).toEqual({ jobs: '[1]', score: '1.0' });
      expect((await v2.client.smembers('match:set')).sort()).toEqual(['a', 'b']);
      expect(await v2.client.hlen(keyspace.journal('v1'))).toBe(3);
      const found = statuses.find(({ diverged }) => diverged > 0);
      expect(found?.diverged).toBe(3);
      const clean = await eventually('a clean pass', () => statuses.find(({ clean }) => clean !== null));
      expect(clean).toMatchObject({ diverged: 0, equal: 4 });
      expect(clean.passes).toBeGreaterThan((found?.passes ?? 0) + 1);
      expect(await v2.client.exists(keyspace.mend(wholeOf(link).name))).toBe(0);
    });

    test('large or a stream, is mended alike (L2)', async () => {
      const { v1, v2 } = world;
      await v1.client.set('match:large', LARGE);
      await v1.client.xadd('match:stream', '5-1', 'f', 'v');
      const sync = await world.start(plan);
      await sync.live();
      await eventually('the copy', async () => (await v2.client.exists('match:large', 'match:stream')) === 2);
      await sync.stop();
      await v2.client.setrange('match:large', 7, 'y');
      await v2.client.xadd('match:stream', '6-1', 'f', 'w');
      for (const key of ['match:large', 'match:stream']) await callAgreed(key);
      const again = await world.start(plan);
      await again.live();
      await reportDifferences(link, keyspace, v2.client)(['match:large', 'match:stream']);
      await eventually('both to be mended', () => (again.status()?.repaired ?? 0) >= 1);
      await eventually('the stream', async () => (await v2.client.xlen('match:stream')) === 1);
    });

    test('is left alone where it changes nothing, where the authority has no such key, and where the key is nobody’s (L6)', async () => {
      const { v1, v2 } = world;
      await v1.client.set('match:same', 'x');
      const sync = await world.start(plan);
      await sync.live();
      await eventually('the copy', async () => (await v2.client.get('match:same')) === 'x');
      await v2.client.set('other:1', 'not ours');
      await sync.stop();
      await v1.client.del('match:same');
      await callAgreed('match:same');
      const again = await world.start(plan);
      await again.live();
      const list = keyspace.mend(wholeOf(link).name);
      await reportDifferences(link, keyspace, v2.client)(['match:same', 'match:none', 'other:1']);
      await eventually('them to be looked at', async () => (await v2.client.exists(list)) === 0);
      await v1.client.set('match:after', 'x');
      await eventually('a change to travel', async () => (await v2.client.get('match:after')) === 'x');
      expect(await v2.client.mget('match:same', 'other:1')).toEqual(['x', 'not ours']);
      expect(again.status()).toMatchObject({ repaired: 0, conflicts: 0 });
    });
  },
);
