import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import type { LinkStatus } from '../../domain/status.ts';
import { eventually } from '../support/eventually.ts';
import { documentOn, startFollowingApp } from '../support/following-app.ts';
import { withMigrationWorld } from '../support/migration-world.ts';

describe('the worker is stopped for longer than its heartbeat timeout, and goes on when another has taken over', () => {
  const world = withMigrationWorld();

  test('it finds itself fenced out, the migration completes, no acknowledged write is lost (L1, L8)', async () => {
    for (let i = 0; i < 500; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
    await world.jday('start', '--plan', 'plans/supersmartmatch.yaml', '--day', '1s', '--auto-approve');
    await world.inPhase('sync');
    const v2 = world.admin('v2');
    const token = async () => {
      const status = await v2.get(keyspaceOf('supersmartmatch').status('v1'));
      return status === null ? 0 : (JSON.parse(status) as LinkStatus).token;
    };
    const zombie = world.worker();
    zombie.kill('SIGSTOP');
    const before = await token();
    await world.startWorker();
    await eventually('the sync of the other worker', async () => (await token()) > before, {
      withinMs: 60_000,
    });
    zombie.kill('SIGCONT');
    expect(await world.handle().result()).toMatchObject({ outcome: 'completed', authority: 'target' });
    await eventually('writes on V2', () => app.counts.target > 0);
    await app.stop();
    const gone = once(zombie, 'exit');
    zombie.kill('SIGKILL');
    await gone;
    for (const [key, n] of app.acknowledged) expect(await v2.get(key)).toBe(documentOn('target', n));
    for (let i = 0; i < 500; i++) expect(await v2.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
  });
});
