import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { documentOn, startFollowingApp } from '../support/following-app.ts';
import { withMigrationWorld } from '../support/migration-world.ts';

const world = withMigrationWorld();

test('an abort after the flip is lossless: every write that V2 acknowledged is on V1 in V1 form, V1 serves, V2 is fenced (L2)', async () => {
  for (let i = 0; i < 300; i++) await world.admin('v1').set(`match:${i}`, `{"offers":[${i}]}`);
  const app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') });
  await world.jday('start', '--plan', 'plans/supersmartmatch.yaml', '--day', '1s', '--auto-approve');
  await world.inPhase('watch');
  await eventually('writes on V2', () => app.counts.target > 200);
  const abort = await world.jday('abort', '--id', 'supersmartmatch', '--reason', 'back', '--wait');
  expect(abort.code).toBe(5);
  await app.stop();
  expect(await world.handle().result()).toMatchObject({ outcome: 'rolled-back', authority: 'source' });
  const v1 = world.admin('v1');
  for (const [key, n] of app.acknowledged) expect(await v1.get(key)).toBe(documentOn('source', n));
  await world.app('v1').set('match:open', 'V1 serves');
  await expect(world.app('v2').set('match:late', 'x')).rejects.toThrow(/NOPERM/);
});
