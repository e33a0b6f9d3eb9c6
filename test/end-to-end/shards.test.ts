import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documentOn, startFollowingApp } from '../support/processes/following-app.ts';
import { eventually } from '../support/eventually.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { patientText } from '../support/worlds/patient-plan.ts';

const SYNCS = ['v1', 'nexten'].flatMap((link) => [1, 2, 3, 4].map((n) => `sync-${link}.${n}`)).sort();

/** The patient plan in four shards. */
function writePlan(path: string): string {
  writeFileSync(path, `${patientText()}\nshards: 4\n`);
  return path;
}

describe('a migration with shards: 4 and two workers', () => {
  const world = withMigrationWorld();

  /** Which worker holds each sync, by activity id. */
  const holders = async (): Promise<ReadonlyMap<string, string>> => {
    const { pendingActivities } = (await world.handle().describe()).raw;
    const held = (pendingActivities ?? []).filter(
      ({ activityId, lastHeartbeatTime }) => activityId?.startsWith('sync-') && lastHeartbeatTime,
    );
    return new Map(held.map((one) => [one.activityId ?? '', one.lastWorkerIdentity ?? '']));
  };

  test('both carry; one killed -9 under load, the other takes its shards up: completed, no acknowledged write lost (L2, L8)', async () => {
    await world.startWorker();
    for (let i = 0; i < 2_000; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
    const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
    const plan = writePlan(join(world.dir.path, 'plan.yaml'));
    const started = await world.jday('start', '--plan', plan, '--day', '1s', '--auto-approve');
    expect(started.code, started.stderr).toBe(0);
    const before = await eventually('every shard to run', async () => {
      const held = await holders();
      return held.size === SYNCS.length ? held : null;
    });
    expect([...before.keys()].sort()).toEqual(SYNCS);
    expect(new Set(before.values()).size).toBe(2);
    await world.killWorker();
    await eventually(
      'all shards on the worker that is left',
      async () => new Set((await holders()).values()).size === 1,
    );
    expect(await world.handle().result()).toMatchObject({
      outcome: 'completed',
      authority: 'target',
      sessions: { lost: 0 },
    });
    await eventually('writes on V2', () => app.counts.target > 0);
    await app.stop();
    const v2 = world.admin('v2');
    for (const [key, n] of app.acknowledged) expect(await v2.get(key)).toBe(documentOn('target', n));
    for (let i = 0; i < 2_000; i++) expect(await v2.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
  });
});
