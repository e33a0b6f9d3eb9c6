import { beforeAll, describe, test, type TestContext } from 'vitest';
import { claimed } from '../../support/worlds/claimed.ts';
import { FULL } from '../../lanes/proofs.ts';
import { type FaultPlace, makePlace } from '../../support/faults/fault-place.ts';
import { beyondCopy, isOfBeginning, type Point, pointsIn } from '../../support/faults/fault-points.ts';
import { labelOf, writeAt, named, provoke, underDrain } from '../../support/faults/fault-walk.ts';
import { withRedis } from '../../support/servers/redis.ts';
import type { SyncProcess } from '../../support/processes/start-sync-process.ts';

const OLD = Array.from({ length: 2_000 }, (_key, i) => `old ${i}`);

describe('a worker killed -9', () => {
  const [v1, v2] = [withRedis(), withRedis()];
  beforeAll(() => claimed(v1.client, v2.client));
  const placeOf = (name: string, context: TestContext) => {
    const sides = { source: v1.client, target: v2.client };
    return makePlace(name, sides, { source: v1.server.port, target: v2.server.port }, context);
  };
  /** Each process dies at its point and the next one takes over. The last one is live in the end. */
  const killedAt = async (place: FaultPlace, points: readonly Point[]) => {
    let next: SyncProcess | undefined;
    for (const point of points)
      await named(labelOf(point), async () => {
        next = await killAt(place, point, next);
      });
    const last = next ?? (await place.start());
    await last.live();
  };

  test.concurrent('at every step of the first copy, one process after the other: the last one ends the copy, nothing is lost (L8)', async (context) => {
    const place = placeOf('copy', context);
    await place.receipts.putAll('source', OLD);
    await killedAt(place, pointsIn('copy'));
    await place.synced();
  });

  test
    .runIf(FULL)
    .concurrent(
      'at every step of a batch while live: the next one is synced again, nothing is lost (L8)',
      async (context) => {
        const place = placeOf('live', context);
        await killedAt(place, pointsIn('live'));
        await place.synced();
      },
    );

  test
    .runIf(FULL)
    .concurrent(
      'at every step of a later attempt’s beginning: the next one begins anew, nothing is lost (L8)',
      async (context) => {
        const place = placeOf('again', context);
        const first = await place.start();
        await first.live();
        await first.kill();
        await killedAt(place, pointsIn('again'));
        await place.synced();
      },
    );

  test.concurrent('at every step of a drain: the answer, when the next one gives it, is true (L2, L8)', async (context) => {
    const place = placeOf('drain', context);
    await killedAt(place, FULL ? pointsIn('drain') : beyondCopy('drain'));
    await place.synced();
  });
});

/**
 * Kills a process at the point.
 *
 * @param living the process that runs now, if any
 * @returns the next process, if this has started it
 */
async function killAt(
  place: FaultPlace,
  point: Point,
  living: SyncProcess | undefined,
): Promise<SyncProcess | undefined> {
  const trap = { step: point.step, signal: 'SIGKILL' } as const;
  if (isOfBeginning(point)) {
    await living?.kill();
    const killed = await place.start({ trap });
    await provoke(place, point);
    await killed.trapped(point.step);
    await writeAt(place, point);
    return undefined;
  }
  const killed = living ?? (await place.start());
  await killed.live();
  await place.alike();
  const set = () => killed.setTrap(trap);
  const answered = point.mode === 'drain' ? await underDrain(place, point, set) : set();
  if (!answered) await provoke(place, point);
  await killed.trapped(point.step);
  await writeAt(place, point);
  const next = await place.start();
  await answered?.();
  return next;
}
