import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { PHASES } from '../../domain/plan/plan.ts';
import { FULL } from '../lanes/proofs.ts';
import { eventually } from '../support/eventually.ts';
import { documentOn, startFollowingApp } from '../support/processes/following-app.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { startShortly } from '../support/worlds/short-plan.ts';
import { PERSON, SECRETS, toldTexts } from '../support/worlds/told-texts.ts';

/** Looks all the time whether V1 is open while V2 has the authority. This must never happen. */
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
      await delay(20);
    }
  })();
  return async () => {
    stopped = true;
    await running;
    return { looks, seen };
  };
}

describe('the worker is killed -9 in one phase after the other', () => {
  const world = withMigrationWorld();
  // The window is the only one of these two that lasts days. The first is held until the kill.
  const toKillIn: readonly string[] = FULL ? PHASES : ['preflight', 'watch'];

  const expireAt = Date.now() + 3_600_123;

  test('each time another one takes it up: completed, no acknowledged write lost, never two writable sides (L8)', async () => {
    for (let i = 0; i < 2_000; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    for (let i = 0; i < 100; i++) {
      await world
        .admin('v1')
        .hset(`session:${i}`, { email: PERSON, offers: '[{"offer_id":1}]', note: 'café' });
      await world.admin('v1').pexpireat(`session:${i}`, expireAt + i);
    }
    await world.admin('v2').set('v2:own', 'of V2');
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
    const sides = watchSides(world);
    // The preflight of a quiet machine ends before anybody could look. A server that does not answer holds it.
    world.server('v1').kill('SIGSTOP');
    await startShortly(world, '2s');
    const result = world.handle().result();
    const killedIn: string[] = ['preflight'];
    await eventually('the preflight at work', async () => {
      const { raw } = await world.handle().describe();
      return raw.pendingActivities?.some(
        ({ activityType, lastStartedTime }) => activityType?.name === 'preflight' && lastStartedTime,
      );
    });
    await world.killWorker();
    world.server('v1').kill('SIGCONT');
    await world.startWorker();
    const another = async () => {
      const phase = await world.phase();
      if (phase === '' || phase === killedIn.at(-1)) throw new Error(`still in ${phase}`);
      if (phase !== 'ended' && !toKillIn.includes(phase)) throw new Error(`in ${phase}, which goes on`);
      return phase;
    };
    for (;;) {
      const phase = await eventually('the next phase', another, { withinMs: 120_000, everyMs: 100 });
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
    // If the earlier kills took longer than its days, the phase `sync` ends at once and no kill meets it.
    expect(killedIn).toEqual(toKillIn.filter((phase) => phase !== 'sync' || killedIn.includes(phase)));
    await eventually('writes on V2', () => app.counts.target > 0);
    await app.stop();
    const { looks, seen } = await sides();
    expect(looks).toBeGreaterThan(100);
    expect(seen).toEqual([]);
    const v2 = world.admin('v2');
    for (const [key, n] of app.acknowledged) expect(await v2.get(key)).toBe(documentOn('target', n));
    for (let i = 0; i < 2_000; i++) expect(await v2.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
    expect(await v2.get('v2:own')).toBe('of V2');
  });

  test('and every session is on V2 to the byte and to the ms; no text outside of Redis tells of it (L4, L12)', async () => {
    const v2 = world.admin('v2');
    for (let i = 0; i < 100; i++) {
      expect(await v2.hgetall(`session:${i}`)).toEqual({
        email: PERSON,
        jobs: '[{"offer_id":1}]',
        note: 'café',
      });
      expect(await v2.pexpiretime(`session:${i}`)).toBe(expireAt + i);
    }
    const texts = await toldTexts(world);
    expect(texts.length).toBeGreaterThan(2);
    for (const text of texts) for (const secret of SECRETS) expect(text.includes(secret)).toBe(false);
  });
});

describe('the worker is killed -9 during the rollback', () => {
  const world = withMigrationWorld();

  test('another one takes it up: rolled back, every write that V2 acknowledged is on V1 in V1 form, V1 serves, V2 is fenced (L2, L8)', async () => {
    for (let i = 0; i < 300; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
    await eventually('a hundred keys', () => app.acknowledged.size === 100);
    await startShortly(world, '3s');
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
    await world.app('v1').set('match:open', 'V1 serves');
    await expect(world.app('v2').set('match:late', 'x')).rejects.toThrow(/NOPERM/);
  });
});
