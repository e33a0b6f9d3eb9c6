import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import { openStore } from '../../redis/connection.ts';
import { agreedAbsent } from '../../redis/verify/agreed-absent.ts';
import { verifyAll } from '../../redis/verify/verify-all.ts';
import { verifyKeys } from '../../redis/verify/verify-keys.ts';
import { withClusterWorld } from '../support/cluster-world.ts';
import { fillEqual } from '../support/verify-world.ts';
import { dataset, planOf } from '../support/sync-world.ts';

const plan = planOf([
  dataset({ name: 'match', transform: 'offers_to_jobs' }),
  dataset({ name: 'session', role: 'sessions' }),
  dataset({ name: 'metrics', role: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } }),
]);
const never = new AbortController().signal;
const RULES = { retryWindowMs: 100, hotAfterChanges: 4 };

describe('the verifier between clusters', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'cluster' });

  const verify = async () => {
    const [link] = linksOf(world.onClusters(plan));
    if (!link) throw new Error('a plan without a link');
    const open = async () => ({
      source: await openStore(link.source, world.environment(), 'test'),
      target: await openStore(link.target, world.environment(), 'test'),
    });
    const [sides, beside] = [await open(), await open()];
    const keyspace = keyspaceOf('test');
    const rest = {
      authority: () => 'source' as const,
      agreedAbsentOnSource: agreedAbsent(link, keyspace, beside),
      rules: RULES,
    };
    return {
      link,
      ...sides,
      all: () => verifyAll({ link, keyspace, ...sides, ...rest }, never),
      close: () => {
        for (const one of [sides, beside]) for (const redis of Object.values(one)) redis.disconnect();
      },
    };
  };

  test('reads every type on the node that has it, and tells what differs, L13', async () => {
    const { v1, v2 } = world;
    const keys = await fillEqual(v1.client, v2.client);
    const verifier = await verify();
    try {
      expect(await verifier.all()).toEqual({ compared: keys, diverged: 0 });
      await v2.client.hset('session:1', 'seen', 'another');
      await v1.client.set('match:only-v1', 'x');
      expect(await verifier.all()).toEqual({ compared: keys + 1, diverged: 2 });
      const names = ['match:document', 'session:1', 'metrics:zset', 'match:only-v1'];
      const { different } = await verifyKeys(verifier.link, verifier.source, verifier.target, names);
      expect(different.map(({ key }) => key).sort()).toEqual(['match:only-v1', 'session:1']);
    } finally {
      verifier.close();
    }
  });
});
