import { describe, test } from 'vitest';
import { FULL } from '../../lanes/proofs.ts';
import { SWITCH_STEPS } from '../../support/faults/fault-points.ts';
import { named } from '../../support/faults/fault-walk.ts';
import { startSwitchProcess } from '../../support/processes/start-switch-process.ts';
import { BOTH_WAYS, makeSwitchWorld } from '../../support/faults/switch-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

describe('a switch of authority', () => {
  const dir = withTempDir();

  test('whose worker is killed -9 at every step of a cutover and of a rollback: the next one completes, no acknowledged write is lost, never two open sides (L1, L2, L8)', async (context) => {
    const { orderOf, moved, watched, end } = await makeSwitchWorld(`${dir.path}/killed`, context);
    const neverBoth = watched();
    for (const [i, at] of SWITCH_STEPS.entries())
      for (const to of FULL ? BOTH_WAYS : [BOTH_WAYS[i % 2] ?? 'target'])
        await named(`${at}, to the ${to}`, async () => {
          const killed = startSwitchProcess(context);
          await killed.reach(() => orderOf(to, at, 'SIGKILL'));
          await killed.exited();
          await moved(to);
        });
    await end();
    await neverBoth();
  });
});
