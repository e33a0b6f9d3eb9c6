import type { ApplicationFailure } from '@temporalio/activity';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../../activities/failures.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { slotOf } from '../../../domain/keys/slot.ts';
import type { VerifyStatus } from '../../../domain/gates/status.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { agreedAbsent } from '../../../redis/verify/classify.ts';
import { runVerifier, verifyAll } from '../../../redis/verify/verifier.ts';
import { verifyKeys } from '../../../redis/verify/verify-keys.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { eventually } from '../../support/eventually.ts';
import { moveSlot } from '../../support/servers/move-slot.ts';
import { fillEqual } from '../../support/worlds/verify-world.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';

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
    const [sides, beside, census] = [await open(), await open(), await open()];
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
      run: (signal: AbortSignal, report: (status: VerifyStatus) => void) =>
        runVerifier(
          {
            link,
            keyspace,
            ...sides,
            ...rest,
            covers: () => link.datasets.map(({ name }) => name),
            // A sync that begins anew on a busy machine may need some seconds to be up to date.
            rules: { retryWindowMs: 15_000, hotAfterChanges: 4 },
            bounds: { keysPerSecond: () => 0 },
            census,
            minPassMs: 20,
            censusRestMs: 20,
          },
          signal,
          report,
        ),
      close: () => {
        for (const one of [sides, beside, census]) for (const redis of Object.values(one)) redis.disconnect();
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

  test('slots that move on both sides while it walks end its attempt by name; the next ones find all equal, and nothing ever diverged (L2, L7)', async () => {
    const { v1, v2 } = world;
    if (!v1.cluster || !v2.cluster) throw new Error('both sides are clusters');
    for (const name of ['match:only-v1', 'session:1']) await v1.client.del(name);
    for (const name of ['match:only-v1', 'session:1']) await v2.client.del(name);
    for (let i = 0; i < 400; i++) await v1.client.set(`match:{move}:${i}`, '0');
    const sync = await world.start(plan);
    await sync.live();
    const statuses: VerifyStatus[] = [];
    /** The last status of a clean pass, and when that pass began. */
    let proven = { began: -Infinity, settled: 0 };
    const report = (status: VerifyStatus) => {
      statuses.push(status);
      if (status.clean !== null)
        proven = { began: performance.now() - status.clean.ageMs, settled: status.settled };
    };
    const failures: unknown[] = [];
    const stop = new AbortController();
    const attempts = (async () => {
      while (!stop.signal.aborted) {
        const opened = await verify().catch((error: unknown) => void failures.push(error));
        await opened?.run(stop.signal, report).catch((error: unknown) => failures.push(error));
        opened?.close();
      }
    })();
    let loading = true;
    const load = (async () => {
      for (let n = 1; loading; n++) {
        await v1.client.set(`match:{move}:${n % 40}`, String(n));
        await v2.client.set(`match:{move}:${40 + (n % 40)}`, String(n));
      }
    })();
    await eventually('a clean pass', () => proven.settled > 0);
    await moveSlot(v1.cluster, slotOf('match:{move}:0'));
    await moveSlot(v2.cluster, slotOf('match:{move}:0'));
    loading = false;
    await load;
    const moved = performance.now();
    await eventually('a clean pass since', () => proven.began > moved);
    const { settled } = proven;
    stop.abort();
    await attempts;
    expect(failures.length).toBeGreaterThan(0);
    const names = failures.map((failure) => (toFailure(failure) as ApplicationFailure).type);
    expect([...new Set(names)]).toEqual(['ClusterChanged']);
    expect(statuses.filter(({ diverged, sessions }) => diverged > 0 || sessions.lost > 0)).toEqual([]);
    expect(settled).toBeGreaterThanOrEqual(400);
  });
});
