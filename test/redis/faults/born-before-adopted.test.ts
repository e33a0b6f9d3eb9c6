import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { FULL } from '../../lanes/proofs.ts';
import { claimed } from '../../support/worlds/claimed.ts';
import { eventually } from '../../support/eventually.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { startSyncProcess, type SyncProcess } from '../../support/processes/start-sync-process.ts';
import type { Trap } from '../../support/processes/sync-process.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';

const OWN = 200;
const MINUTE = 60_000;

describe('a worker that dies while V2’s own keys are told apart', () => {
  const [v1, v2] = [withRedis(), withRedis()];
  const plan = planOf([dataset({ name: 'match' })], { migration: 'own' });
  const processes: SyncProcess[] = [];
  beforeAll(async () => {
    await claimed(v1.client, v2.client);
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.kill()));
    await Promise.all([v1.client.flushall(), v2.client.flushall()]);
    await claimed(v1.client, v2.client);
  });
  const start = async (trap?: Trap) => {
    const environment = {
      SOURCE_V1: `redis://127.0.0.1:${v1.server.port}`,
      TARGET_V2: `redis://127.0.0.1:${v2.server.port}`,
    };
    const one = await startSyncProcess({ kind: 'run', plan, environment }, trap);
    processes.push(one);
    return one;
  };
  /** V2 holds keys of its own. The first attempt stops at the step and carries nothing from then on. */
  const stoppedAt = async (step: FaultPoint) => {
    await v1.client.mset(...Array.from({ length: 20 }, (_, i) => [`match:v1 ${i}`, 'of V1']).flat());
    await v2.client.mset(...Array.from({ length: OWN }, (_, i) => [`match:own ${i}`, 'of V2']).flat());
    const one = await start({ step, signal: 'SIGSTOP' });
    await one.trapped(step);
    return one;
  };
  const killedAndNext = async (stopped: SyncProcess) => {
    await stopped.kill();
    const next = await start();
    await next.live();
    await eventually('nothing to be on its way', () => next.status()?.pending.toSource === 0);
  };
  const onV1 = async () => (await v1.client.keys('match:*')).filter((key) => !key.startsWith('match:v1 '));

  const steps = [
    'applied target',
    'before apply target',
    'scan target',
    'datasets adopted',
    'scan source',
  ] as const;

  test.each(FULL ? steps : steps.slice(0, 1))(
    'at %s: what an app writes on V2 from then on travels, what V2 had before does not (L2, L6, L8)',
    async (step) => {
      const stopped = await stoppedAt(step);
      await v2.client.set('match:born', 'on V2', 'PX', MINUTE);
      await v2.client.hset('match:born hash', 'on', 'V2');
      await v2.client.set('match:own 7', 'changed');
      await v2.client.pexpire('match:own 8', MINUTE);
      await v2.client.del('match:own 9');
      await killedAndNext(stopped);
      expect((await onV1()).sort()).toEqual(['match:born', 'match:born hash', 'match:own 7', 'match:own 8']);
      expect(await v1.client.get('match:born')).toBe('on V2');
      expect(await v1.client.pexpiretime('match:born')).toBe(await v2.client.pexpiretime('match:born'));
      expect(await v1.client.get('match:own 7')).toBe('changed');
      expect(await v2.client.keys('match:own *')).toHaveLength(OWN - 1);
      expect(await v2.client.exists(keyspaceOf('own').own('v1'))).toBe(0);
    },
  );

  test('before the record of them is complete: it is taken anew, and nothing that V2 had travels (L6, L8)', async () => {
    await killedAndNext(await stoppedAt('own keys noted'));
    expect(await onV1()).toEqual([]);
    expect(await v2.client.keys('match:v1 *')).toHaveLength(20);
  });
});
