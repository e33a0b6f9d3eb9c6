import { describe, expect, test, type TestContext, vi } from 'vitest';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { eventually } from '../../support/eventually.ts';
import { FULL } from '../../lanes/proofs.ts';
import { SWITCH_STEPS, type SwitchStep } from '../../support/faults/fault-points.ts';
import { named } from '../../support/faults/fault-walk.ts';
import { decided, saved, suspected } from '../../support/faults/old-data.ts';
import { startSwitchProcess, type SwitchProcess } from '../../support/processes/start-switch-process.ts';
import { BOTH_WAYS, makeSwitchWorld, SWITCH_PLAN, USER_LINE } from '../../support/faults/switch-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { everyThird, type Third, THIRDS } from '../../support/thirds.ts';

const KEPT = { appendonly: 'yes', appendfsync: 'always', user: USER_LINE };
const OLD = { user: USER_LINE };
const KEY = 'match:carried';
const CASES = BOTH_WAYS.flatMap((side) => THIRDS.map((part) => ({ side, part })));
const FEW = { kept: [{ side: 'target', part: 'first' }], old: [{ side: 'source', part: 'first' }] } as const;
const stepsOf = (part: Third): readonly SwitchStep[] => (FULL ? everyThird(SWITCH_STEPS, part) : ['flip']);

type World = Awaited<ReturnType<typeof makeSwitchWorld>>;
type Cell = { readonly side: Side; readonly at: SwitchStep; readonly to: Side };

// The tests mostly wait, so many can run at once.
vi.setConfig({ maxConcurrency: 6 });

describe('a switch of authority in which a server is killed -9 and comes back, without its fence', () => {
  const dir = withTempDir();

  test.concurrent.for(FULL ? CASES : FEW.kept)(
    'the $side with all it had, at its steps from the $part: never flips in that attempt, the next one completes, no acknowledged write is lost (L2, L8)',
    async ({ side, part }, context) => {
      const world = await makeSwitchWorld(`${dir.path}/kept-${side}-${part}`, context, KEPT);
      await eachCell(context, { side, part }, async (one, cell) => {
        await struck(world, one, cell);
        await world.sync.live();
        await world.moved(cell.to);
        await isFenced(world, otherSide(cell.to));
      });
      await world.end();
    },
  );

  test.concurrent.for(FULL ? CASES : FEW.old)(
    'the $side with an old RDB, at its steps from the $part: never flips in that attempt, nor while something is held back; the other side keeps what it holds (L2, L5, L8)',
    async ({ side, part }, context) => {
      const world = await makeSwitchWorld(`${dir.path}/old-${side}-${part}`, context, OLD);
      await world.rest();
      await eachCell(context, { side, part }, async (one, cell) => {
        const newest = `${cell.at}, to the ${cell.to}`;
        await carriedSinceSave(world, cell, newest);
        const flipped = await struck(world, one, cell);
        // The side that did not serve may get its lost keys again from the other side. The side that served has lost
        // writes of its own app, so it is suspect.
        if (!flipped && side !== cell.to) {
          await suspected(world.sync, side);
          await expect(world.move(cell.to)).rejects.toThrow(/holds absences back/);
        }
        expect(await world.sides[otherSide(side)].get(KEY)).toBe(newest);
        await world.sync.live();
        for (const suspect of world.sync.status()?.suspects ?? [])
          await decided(world.sync, world.sides.target, SWITCH_PLAN, suspect);
        await world.moved(cell.to);
        for (const one of BOTH_WAYS) expect(await world.sides[one].get(KEY)).toBe(newest);
        await isFenced(world, otherSide(cell.to));
      });
    },
  );
});

async function eachCell(
  context: TestContext,
  { side, part }: (typeof CASES)[number],
  act: (one: SwitchProcess, cell: Cell) => Promise<void>,
): Promise<void> {
  const one = startSwitchProcess(context);
  for (const at of stepsOf(part))
    for (const to of BOTH_WAYS) await named(`${at}, to the ${to}`, () => act(one, { side, at, to }));
}

/** Kills and restarts a server while a switch stands at the step. Returns whether the authority had moved before. */
async function struck(world: World, one: SwitchProcess, { side, at, to }: Cell): Promise<boolean> {
  await one.reach(() => world.orderOf(to, at, 'SIGSTOP'));
  const before = await readAuthority(world.sides.target);
  await world.kill(side);
  await world.restart(side);
  const ended = await one.goOn();
  // The last step may not need the killed server. Then the switch completes.
  if (!(ended === null && at === 'open')) expect(ended).toMatch(/Connection is closed|CutoverTooSlow/);
  const flipped = before?.side === to;
  if (!flipped) expect(await readAuthority(world.sides.target)).toEqual(before);
  await world.fencedAgain();
  return flipped;
}

/** The server of the side saves. Then both sides take a value that the save does not hold. */
async function carriedSinceSave({ sides }: World, { side, to }: Cell, newest: string): Promise<void> {
  const serves = otherSide(to);
  const agreed = async (value: string) => {
    await sides[serves].set(KEY, value);
    await eventually('it to be carried', async () => (await sides[to].get(KEY)) === value);
  };
  await agreed('before the save');
  const known = await saved(sides, SWITCH_PLAN, side);
  await agreed(newest);
  await known();
}

/** Expects that the next check of the fence, at the latest, has fenced the side. */
async function isFenced(world: World, side: Side): Promise<void> {
  await world.fencedAgain();
  await expect(world.apps[side].set('match:late', 'late')).rejects.toThrow(/NOPERM/);
}
