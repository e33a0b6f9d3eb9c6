import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { decided, saved, suspected } from '../../support/faults/old-data.ts';
import type { FaultPlace } from '../../support/faults/fault-place.ts';
import { FULL } from '../../lanes/proofs.ts';
import { FEW_POINTS, isOfBeginning, type Point, pointsIn } from '../../support/faults/fault-points.ts';
import { type FaultServers, makeServers } from '../../support/faults/fault-servers.ts';
import {
  DRAINED_MS,
  drainedSide,
  labelOf,
  named,
  openSides,
  struck,
  trapAt,
} from '../../support/faults/fault-walk.ts';
import type { SyncProcess } from '../../support/processes/start-sync-process.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { everyThird, type Third, THIRDS } from '../../support/thirds.ts';

const SIDES = ['source', 'target'] as const;
const PARTS = SIDES.flatMap((side) => THIRDS.map((part) => ({ side, part }))).filter(
  ({ side, part }) => FULL || (side === 'target' && part === 'first'),
);
const pointsOf = (part: Third) => (FULL ? everyThird(pointsIn('live', 'again', 'drain'), part) : FEW_POINTS);
const OLD = Array.from({ length: 2_000 }, (_key, i) => `old ${i}`);
const SAVED_EACH = 3;
const TRIGGER_MS = 10;
const LARGE_BYTES = 200_000;

// The tests mostly wait, so many can run at once.
vi.setConfig({ maxConcurrency: 10 });

describe('a server without an append-only file, killed -9, that comes back with an old RDB', () => {
  const dir = withTempDir();

  test.concurrent.for(PARTS)(
    'the $side, at its points from the $part: suspect, the other side keeps what it holds; restored, both are alike (L2, L5, L8)',
    async ({ side, part }, context) => {
      const servers = await makeServers(`rdb-${part}-${side}`, dir.path, {}, context);
      let sync = await servers.place.start();
      for (const point of pointsOf(part))
        await named(labelOf(point), async () => {
          sync = await loseSince(servers, sync, side, point);
        });
      await servers.place.synced();
    },
  );

  test.runIf(FULL).concurrent.for(SIDES)(
    'the %s, at every step of the first copy, with what it held before: restored where it is suspect, both are alike (L2, L5, L8)',
    async (side, context) => {
      const servers = await makeServers(`rdb-copy-${side}`, dir.path, {}, context);
      await servers.place.receipts.putAll('source', OLD);
      await loseCopy(servers, side);
    },
  );
});

/**
 * Kills the server of one side at every step of the first copy. The app of the other side writes all the time. The app
 * of this side rests: a write that is not replicated before the kill would be lost for good.
 */
async function loseCopy(servers: FaultServers, side: Side): Promise<void> {
  const { place, sides } = servers;
  await place.load.pause(side);
  const points = pointsIn('copy');
  const [first] = points;
  if (!first) throw new Error('no step');
  await sides[side].save();
  const sync = await place.start({ trap: trapAt(first) });
  for (const [i, point] of points.entries())
    await named(labelOf(point), async () => {
      await writtenUntil(servers, sync, point);
      const strike = async () => {
        // The server comes back with its last save: this one, or one of an earlier point.
        if (i % SAVED_EACH === 0) await sides[side].save();
        await servers.kill(side);
      };
      await struck(place, sync, point, { strike, ends: /closed/ }, elsewhere(point, side));
      const next = points[i + 1];
      if (next) sync.setTrap(trapAt(next));
      await servers.restart(side);
    });
  await sync.live();
  for (const suspect of sync.status()?.suspects ?? []) await decided(sync, sides.target, place.plan, suspect);
  await place.synced();
}

/** The sides whose apps may write at that point, without the side whose server is killed. */
const elsewhere = (point: Point, killed: Side) => openSides(point).filter((side) => side !== killed);

/**
 * Kills the server of one side at a point, when everything has been replicated. A write that only this server holds
 * would be lost for good.
 */
async function loseSince(
  servers: FaultServers,
  sync: SyncProcess,
  side: Side,
  point: Point,
): Promise<SyncProcess> {
  const { place } = servers;
  await sync.live();
  const goOn = await carriedSinceSave(servers, side, point);
  if (!isOfBeginning(point)) sync.setTrap(trapAt(point));
  const drain = point.mode === 'drain' ? askFor(place, drainedSide(point)) : null;
  const at = await comeTo(servers, sync, point);
  const blow = { strike: () => servers.kill(side), ends: /closed/ };
  await struck(place, at, point, blow, elsewhere(point, side));
  const asked = drain?.answered() === false && side === 'source';
  await servers.restart(side);
  const suspect = await suspected(at, side);
  // While keys of the drained side are held, the drain is not answered. If the other side is suspect, an answer before
  // the decision names it. A kill of V2 loses the request itself.
  if (asked && drain.side === side) expect(drain.answered()).toBe(false);
  const kept = await place.receipts.lost(undefined, [otherSide(side)]);
  if (kept.length > 0) throw new Error(`the other side lost ${kept.join('\n')}`);
  if (asked && drain.answered()) expect(await drain.answer).toEqual([side]);
  await decided(at, servers.sides.target, place.plan, suspect);
  if (asked) await drain.answer;
  goOn();
  await at.live();
  await place.alike();
  return at;
}

function askFor(place: FaultPlace, side: Side) {
  const answer = place.drain(side, DRAINED_MS);
  let answered = false;
  answer.then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  return { side, answer, answered: () => answered };
}

/**
 * The server of the side saves. Then both sides take writes that the save does not hold, and newer watermarks. There
 * are no deletes: a deleted key that comes back without a ledger entry travels with either decision (docs/limits.md).
 */
async function carriedSinceSave(servers: FaultServers, side: Side, point: Point): Promise<() => void> {
  const { place, sides } = servers;
  const [before, since] = [`${labelOf(point)}, before the save`, `${labelOf(point)}, since the save`];
  await place.quiet();
  for (const one of SIDES) await place.receipts.put(one, before);
  await place.quiet();
  const known = await saved(sides, place.plan, side);
  for (const one of SIDES) {
    await place.receipts.put(one, before, 'anew');
    await place.receipts.put(one, since);
  }
  const goOn = await place.quiet();
  await known();
  return goOn;
}

/**
 * Brings an attempt to the point. A new attempt comes there by itself; for a running one `writtenUntil` writes keys.
 */
async function comeTo(servers: FaultServers, sync: SyncProcess, point: Point): Promise<SyncProcess> {
  const { place } = servers;
  if (isOfBeginning(point)) {
    await sync.kill();
    return place.start({ trap: trapAt(point) });
  }
  await writtenUntil(servers, sync, point);
  return sync;
}

/** Writes until the attempt has come to the point. No test checks these keys, so their loss does not matter. */
async function writtenUntil(servers: FaultServers, sync: SyncProcess, point: Point): Promise<void> {
  let come = false;
  const writing = (async () => {
    for (let n = 0; !come; n++) {
      await writeFor(servers, point, n);
      await delay(TRIGGER_MS);
    }
  })();
  await sync.trapped(point.step).finally(() => {
    come = true;
  });
  await writing;
}

async function writeFor({ place, sides }: FaultServers, { step }: Point, n: number): Promise<void> {
  const { migration } = place.plan;
  if (step === 'quarantined') await sides.source.set(`${migration}:d:bad`, `{"offers":[${n}],"offres":[0]}`);
  else if (step === 'shadow built')
    await sides.source.set(`${migration}:s:large trigger`, String(n).padEnd(LARGE_BYTES));
  else await sides[/source|^drain/.test(step) ? 'target' : 'source'].set(`${migration}:s:trigger`, n);
}
