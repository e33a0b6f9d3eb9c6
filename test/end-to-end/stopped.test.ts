import { once } from 'node:events';
import { afterAll, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/faults/fault-proxy.ts';
import { documentOn, startFollowingApp } from '../support/processes/following-app.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { startShortly } from '../support/worlds/short-plan.ts';
import { readDated } from '../../redis/state/dated-record.ts';

const LINKS = ['v1'] as const;
const keyspace = keyspaceOf('supersmartmatch');
/** A sync that is stopped while a heartbeat of it is on its way may find its feed silent before it asks for the lease. */
const endOf = (link: string) =>
  new RegExp(
    `sync ${link}: this attempt ends: (a newer attempt of the sync holds the lease|the feed of the \\w+ is silent)`,
  );

describe('the worker is stopped for longer than its heartbeat timeout, and goes on when another has taken over', () => {
  let address: { readonly TEMPORAL_ADDRESS?: string } = {};
  const world = withMigrationWorld({ environment: () => address });
  let proxy: FaultProxy | undefined;
  afterAll(() => proxy?.stop());

  /** Replaces the worker by one whose line to Temporal can be cut. */
  const startCuttable = async () => {
    await world.killWorker();
    const line = await startFaultProxy(Number(world.temporalAddress().split(':')[1]));
    proxy = line;
    address = { TEMPORAL_ADDRESS: `127.0.0.1:${line.port}` };
    await world.startWorker();
    address = {};
    const said: string[] = [];
    const worker = world.worker();
    worker.stdout?.on('data', (data) => said.push(String(data)));
    return { worker, line, said: () => said.join('') };
  };

  /**
   * Waits until all syncs are between two heartbeats. A sync that is stopped while a heartbeat is on its way would end
   * because its feed seems lost, and not because of its lease.
   */
  const betweenBeats = async () => {
    const v2 = world.admin('v2');
    await eventually(
      'all syncs to be between two beats',
      async () => {
        const told = await Promise.all(LINKS.map((link) => readDated<LinkStatus>(v2, keyspace.status(link))));
        return told.every((one) => one?.ageMs && one.ageMs > 100 && one.ageMs < 700);
      },
      { everyMs: 5 },
    );
  };

  /** Resolves when a newer attempt of every link has its lease. It takes the lease of the source last. */
  const takenOver = async () => {
    const sources = LINKS.map((link) => ({ redis: world.admin(link), lease: keyspace.lease(link) }));
    const tokens = () => Promise.all(sources.map(async ({ redis, lease }) => Number(await redis.get(lease))));
    const before = await tokens();
    const newer = async () => (await tokens()).every((token, i) => token > (before[i] ?? 0));
    await eventually('the syncs of the other worker', newer);
  };

  test('it finds itself fenced out, the migration completes, no acknowledged write is lost (L1, L8)', async () => {
    const { worker: zombie, line, said } = await startCuttable();
    for (let i = 0; i < 500; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
    await startShortly(world, '15s');
    await world.inPhase('sync');
    await world.startWorker();
    await betweenBeats();
    zombie.kill('SIGSTOP');
    // Without the cut Temporal would give the zombie tasks while it sleeps, and cancel its old ones when it wakes.
    // Here only the stores can stop it.
    line.set({ kind: 'cut' });
    await takenOver();
    zombie.kill('SIGCONT');
    for (const link of LINKS)
      await eventually(`the sync of ${link} to find itself fenced out`, () => endOf(link).test(said()));
    line.set({ kind: 'none' });
    expect(await world.handle().result()).toMatchObject({ outcome: 'completed', authority: 'target' });
    await eventually('writes on V2', () => app.counts.target > 0);
    await app.stop();
    const gone = once(zombie, 'exit');
    zombie.kill('SIGKILL');
    await gone;
    const v2 = world.admin('v2');
    for (const [key, n] of app.acknowledged) expect(await v2.get(key)).toBe(documentOn('target', n));
    for (let i = 0; i < 500; i++) expect(await v2.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
  });
});
