import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { PHASES } from '../../domain/phase.ts';
import { eventually } from '../support/eventually.ts';
import { documentOn, startFollowingApp } from '../support/following-app.ts';
import { withMigrationWorld } from '../support/migration-world.ts';

/** Each kill costs a heartbeat timeout and the start of a worker. */
const SECONDS = 300;

/** Both sides open at one look, after the flip: what must never be (L1). */
function watchSides(world: ReturnType<typeof withMigrationWorld>) {
  const [v1, v2] = [world.admin('v1'), world.admin('v2')];
  const seen: string[] = [];
  let stopped = false;
  let looks = 0;
  const running = (async () => {
    while (!stopped) {
      const before = await v2.hget('jday:authority', 'authority');
      const answer = String(await v1.call('ACL', ['DRYRUN', 'app', 'SET', 'match:1', 'v']));
      const after = await v2.hget('jday:authority', 'authority');
      looks++;
      if (before === 'target' && after === 'target' && answer === 'OK')
        seen.push('V1 was open while V2 had the authority');
      await delay(5);
    }
  })();
  return async () => {
    stopped = true;
    await running;
    return { looks, seen };
  };
}

describe('the worker is killed -9 in every phase, one after the other', () => {
  const world = withMigrationWorld();

  test(
    'each time another one takes it up: completed, no acknowledged write lost, never two writable sides (L8)',
    async () => {
      for (let i = 0; i < 2_000; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
      const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
      const sides = watchSides(world);
      await world.jday('start', '--plan', 'plans/supersmartmatch.yaml', '--day', '3s', '--auto-approve');
      const result = world.handle().result();
      const killedIn: string[] = [];
      const another = async () => {
        const { phase } = await world.progress();
        if (phase === killedIn.at(-1)) throw new Error(`still in ${phase}`);
        return phase;
      };
      for (;;) {
        const phase = await eventually('the next phase', another, { withinMs: 60_000, everyMs: 5 });
        if (phase === 'ended') break;
        killedIn.push(phase);
        await world.killWorker();
        await world.startWorker();
      }
      expect(await result).toMatchObject({
        outcome: 'completed',
        authority: 'target',
        sessions: { lost: 0 },
      });
      // Where the kills before it took longer than its days there is nothing to wait for in `sync`.
      expect(killedIn).toEqual(PHASES.filter((phase) => phase !== 'sync' || killedIn.includes(phase)));
      await eventually('writes on V2', () => app.counts.target > 0);
      await app.stop();
      const { looks, seen } = await sides();
      expect(looks).toBeGreaterThan(100);
      expect(seen).toEqual([]);
      const v2 = world.admin('v2');
      for (const [key, n] of app.acknowledged) expect(await v2.get(key)).toBe(documentOn('target', n));
      for (let i = 0; i < 2_000; i++) expect(await v2.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
    },
    SECONDS * 1_000,
  );
});

describe('the worker is killed -9 during the rollback', () => {
  const world = withMigrationWorld();

  test('another one takes it up: rolled back, no acknowledged write lost (L8)', async () => {
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
    await eventually('a hundred keys', () => app.acknowledged.size === 100);
    await world.jday('start', '--plan', 'plans/supersmartmatch.yaml', '--day', '1s', '--auto-approve');
    await world.inPhase('watch');
    await eventually('writes on V2', () => app.counts.target > 200);
    await world.handle().signal('abort', 'back');
    await world.inPhase('rolling-back');
    await world.killWorker();
    await world.startWorker();
    expect(await world.handle().result()).toMatchObject({ outcome: 'rolled-back', authority: 'source' });
    await app.stop();
    const v1 = world.admin('v1');
    for (const [key, n] of app.acknowledged) expect(await v1.get(key)).toBe(documentOn('source', n));
  });
});
