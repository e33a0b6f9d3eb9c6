import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAuthority } from '../../redis/state/authority.ts';
import { progressQuery } from '../../workflows/messages.ts';
import { eventually } from '../support/eventually.ts';
import { documentOn, type FollowingApp, startFollowingApp } from '../support/processes/following-app.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { olderTemporal } from '../support/worlds/older-temporal.ts';
import { shortPlan } from '../support/worlds/short-plan.ts';

const LONG = { withinMs: 180_000, everyMs: 200 };
const MOVED = /the stores say that the target serves \(epoch 2\).*resume --accept record/;

describe('Temporal is put back from a copy of before the cutover, while V2 serves', () => {
  const world = withMigrationWorld({ persistent: true });
  const temporal = olderTemporal(world);
  let app: FollowingApp;

  const asks = (what: 'resume' | 'approval') =>
    eventually(
      `it to wait for ${what}`,
      async () => {
        // A query: its answer shows that the worker has found the Temporal that was started again.
        const { waitingFor, outcome } = await world.handle().query(progressQuery);
        expect(outcome).toBeNull();
        return waitingFor.what === what && waitingFor.why;
      },
      LONG,
    );
  /** Expects that V2 serves with all its data and that V1 is fenced. */
  const nothingUndone = async () => {
    expect(await readAuthority(world.admin('v2'))).toEqual({ side: 'target', epoch: 2 });
    await expect(world.app('v1').set('match:late', 'x')).rejects.toThrow(/NOPERM/);
    for (let i = 0; i < 200; i++) expect(await world.admin('v2').get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
    const { target } = app.counts;
    await eventually('writes on V2', () => app.counts.target > target + 20, LONG);
  };

  beforeAll(async () => {
    for (let i = 0; i < 200; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') }, 20);
    const plan = shortPlan(join(world.dir.path, 'plan.yaml'), ['cutover', 'complete']);
    const started = await world.jday('start', '--plan', plan, '--day', '1s');
    expect(started.code, started.stderr).toBe(0);
    await world.inPhase('approval');
    await temporal.copy();
    await asks('approval');
    const approved = await world.jday('approve', 'cutover', '--reason', 'now');
    expect(approved.code, approved.stderr).toBe(0);
    await world.inPhase('watch');
    await eventually('writes on V2', () => app.counts.target > 100, LONG);
  });
  afterAll(() => app.stop());

  test('it says so and does nothing; told that the stores are right, it goes on with V2 (L1, L15)', async () => {
    await temporal.putBack();
    expect(await asks('resume')).toMatch(MOVED);
    const approved = await world.jday('approve', 'cutover', '--reason', 'now');
    expect(approved.code).toBe(3);
    await nothingUndone();
    const resumed = await world.jday('resume', '--accept', 'record', '--reason', 'V2 serves');
    expect(resumed.code, resumed.stderr).toBe(0);
    await asks('approval');
    expect((await world.progress()).authority).toBe('target');
    expect((await world.jday('resume', '--accept', 'record', '--reason', 'again')).code).toBe(3);
    await nothingUndone();
    // The workflow still knows the result of the last look at the stores. The next look is the first to agree.
    await eventually(
      'the gate of the stores to be green',
      async () =>
        (await world.progress()).gates.some(({ name, verdict }) => name === 'stores' && verdict === 'green'),
      LONG,
    );
    const again = await world.jday('approve', 'cutover', '--reason', 'it has happened');
    expect(again.code, again.stderr).toBe(0);
    await world.inPhase('watch');
    await nothingUndone();
  });

  test('an abort undoes nothing, keeps V1 fenced and asks; told that the stores are right, it is a lossless rollback (L2, L9, L15)', async () => {
    await temporal.putBack();
    const abort = await world.jday('abort', '--reason', 'back');
    expect(abort.code, abort.stderr).toBe(0);
    expect(await asks('resume')).toMatch(MOVED);
    await nothingUndone();
    const waited = world.jday('abort', '--reason', 'again', '--wait');
    const resumed = await world.jday('resume', '--accept', 'record', '--reason', 'V2 serves');
    expect(resumed.code, resumed.stderr).toBe(0);
    const { code, stdout } = await waited;
    expect(code).toBe(5);
    expect(stdout).toContain('rolled-back');
    await eventually('writes on V1', () => app.counts.source > 0, LONG);
    await app.stop();
    expect(await readAuthority(world.admin('v2'))).toEqual({ side: 'source', epoch: 3 });
    for (const [key, n] of app.acknowledged)
      expect(await world.admin('v1').get(key)).toBe(documentOn('source', n));
    for (let i = 0; i < 200; i++) expect(await world.admin('v1').get(`match:${i}`)).toBe(`{"offers":[${i}]}`);
    await expect(world.app('v2').set('match:late', 'x')).rejects.toThrow(/NOPERM/);
  });
});
