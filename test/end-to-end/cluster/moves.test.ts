import { join } from 'node:path';
import { expect, test } from 'vitest';
import { slotOf } from '../../../domain/keys/slot.ts';
import { writeClusterPlan } from '../../support/worlds/cluster-plan.ts';
import { eventually } from '../../support/eventually.ts';
import { documentOn, startFollowingApp } from '../../support/processes/following-app.ts';
import { PASSWORD } from '../../support/servers/migration-users.ts';
import { withMigrationWorld } from '../../support/worlds/migration-world.ts';
import { moveSlot } from '../../support/servers/move-slot.ts';

/** No slot moves any more. */
const OVER = ['complete', 'ended'];

const world = withMigrationWorld({ clusters: ['v1', 'v2'] });

test('a slot moves on either side in every phase: completed, no acknowledged write lost, no session lost (L2, L8)', async () => {
  const [v1, v2] = [world.cluster('v1'), world.cluster('v2')];
  for (let i = 0; i < 300; i++) await v1.client.set(`match:${i}`, `{"offers":[${i}]}`);
  for (let i = 0; i < 50; i++) await v1.client.hset(`session:${i}`, { user_id: String(i) });
  const login = { user: 'app', password: PASSWORD };
  const app = startFollowingApp({ source: v1.clientOf(login), target: v2.clientOf(login) });
  const plan = writeClusterPlan(join(world.dir.path, 'plan.yaml'), ['v1', 'v2']);
  const start = await world.jday('start', '--plan', plan, '--day', '4s', '--auto-approve');
  expect(start.code, start.stderr + start.stdout).toBe(0);
  const seen: string[] = [];
  const nextPhase = () =>
    eventually(
      `another phase than ${seen.at(-1)}`,
      async () => {
        const phase = await world.phase();
        return phase !== '' && !seen.includes(phase) ? phase : false;
      },
      { withinMs: 200_000, everyMs: 100 },
    );
  for (let phase = await nextPhase(); !OVER.includes(phase); phase = await nextPhase()) {
    seen.push(phase);
    // During the preflight a moving slot is a red check, and the start could be refused.
    if (phase === 'preflight') continue;
    for (const cluster of [v1, v2]) await moveSlot(cluster, slotOf(`match:w${seen.length}`));
  }
  expect(await world.handle().result()).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    // Fifty, and that of the app itself.
    sessions: { live: 51, lost: 0 },
    integrity: 100,
  });
  await app.stop();
  expect(seen).toEqual(expect.arrayContaining(['copy', 'sync', 'readiness', 'sessions', 'cutover', 'watch']));
  for (const [key, n] of app.acknowledged) expect(await v2.client.get(key)).toBe(documentOn('target', n));
  for (let i = 0; i < 300; i++) expect(await v2.client.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
});
