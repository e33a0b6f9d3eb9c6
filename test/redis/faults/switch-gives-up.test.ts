import { expect, test } from 'vitest';
import { makeSwitchWorld } from '../../support/faults/switch-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const dir = withTempDir();

test('V1 has forgotten its fence while no rollback goes through: the next attempt fences it again, and leaves V2 serving (L1)', async (context) => {
  const { sides, apps, move, moved, rest, sync } = await makeSwitchWorld(dir.path, context);
  await moved('target');
  await rest();
  await sync.kill();
  await sides.source.call('ACL', ['SETUSER', 'app', 'reset', 'on', '>secret', '~*', '&*', '+@all']);
  await expect(move('source')).rejects.toThrow(/silent|drain/);
  expect(await sides.source.call('ACL', ['DRYRUN', 'app', 'SET', 'match:1', 'x'])).toMatch(/no permissions/);
  expect(await apps.target.set('match:1', 'still served')).toBe('OK');
});
