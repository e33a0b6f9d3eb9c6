import { once } from 'node:events';
import { afterAll, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import type { LinkStatus } from '../../domain/status.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { documentOn, startFollowingApp } from '../support/following-app.ts';
import { withMigrationWorld } from '../support/migration-world.ts';

/** A task that Temporal has handed to the worker that was killed at first costs 10 s, and the phase must still be to come. */
const SECONDS = 240;
const LINKS = ['v1', 'nexten'] as const;
const keyspace = keyspaceOf('supersmartmatch');

describe('the worker is stopped for longer than its heartbeat timeout, and goes on when another has taken over', () => {
  let address: { readonly TEMPORAL_ADDRESS?: string } = {};
  const world = withMigrationWorld({ environment: () => address });
  let proxy: FaultProxy | undefined;
  afterAll(() => proxy?.stop());

  /** In place of the worker that is there, one whose line to Temporal can be cut. */
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

  /** A sync that is stopped while a beat of it is on its way would take the feed for lost, and look no further. */
  const betweenBeats = async () => {
    const v2 = world.admin('v2');
    await eventually(
      'all syncs to be between two beats',
      async () => {
        const texts = await Promise.all(LINKS.map((link) => v2.get(keyspace.status(link))));
        const ages = texts.map((text) => (text ? Date.now() - (JSON.parse(text) as LinkStatus).at : 0));
        return ages.every((ms) => ms > 100 && ms < 700);
      },
      { withinMs: 30_000, everyMs: 5 },
    );
  };

  /** Resolves when a newer attempt of every link has its lease: on the source it is taken last. */
  const takenOver = async () => {
    const sources = LINKS.map((link) => ({ redis: world.admin(link), lease: keyspace.lease(link) }));
    const tokens = () => Promise.all(sources.map(async ({ redis, lease }) => Number(await redis.get(lease))));
    const before = await tokens();
    const newer = async () => (await tokens()).every((token, i) => token > (before[i] ?? 0));
    await eventually('the syncs of the other worker', newer, { withinMs: 60_000 });
  };

  test(
    'it finds itself fenced out, the migration completes, no acknowledged write is lost (L1, L8)',
    async () => {
      const { worker: zombie, line, said } = await startCuttable();
      for (let i = 0; i < 500; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
      const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
      await world.jday('start', '--plan', 'plans/supersmartmatch.yaml', '--day', '4s', '--auto-approve');
      await world.inPhase('sync');
      await world.startWorker();
      await betweenBeats();
      zombie.kill('SIGSTOP');
      // Temporal would hand it tasks while it sleeps, and cancel the old ones when it wakes: here the stores alone stop it.
      line.set({ kind: 'cut' });
      await takenOver();
      zombie.kill('SIGCONT');
      for (const link of LINKS)
        await eventually(`the sync of ${link} to find itself fenced out`, () =>
          said().includes(`sync ${link}: this attempt ends: a newer attempt of the sync holds the lease`),
        );
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
    },
    SECONDS * 1_000,
  );
});
