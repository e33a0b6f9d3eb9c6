import { setTimeout as delay } from 'node:timers/promises';
import { describe, test, vi } from 'vitest';
import { keyspaceOf } from '../../../domain/keyspace.ts';
import { otherSide, type Side } from '../../../domain/side.ts';
import { REASONS } from '../../../domain/suspicion.ts';
import { writeControl } from '../../../redis/control.ts';
import type { WitnessRecord } from '../../../redis/sync/witness-record.ts';
import { eventually } from '../../support/eventually.ts';
import { isOfBeginning, type PointIn, pointsOf } from '../../support/fault-points.ts';
import { type FaultServers, makeServers } from '../../support/fault-servers.ts';
import { labelOf, named, struck, trapAt } from '../../support/fault-walk.ts';
import type { SyncProcess } from '../../support/start-sync-process.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const SIDES = ['source', 'target'] as const;
/** Side by side: each takes every third point. */
const PARTS = ['first', 'second', 'third'] as const;
const LINK = 'v1';
const SECONDS = 240;
const TRIGGER_MS = 10;
const LARGE_BYTES = 200_000;

// They mostly wait.
vi.setConfig({ maxConcurrency: 10 });

describe('a server without an append-only file, killed -9, that comes back with an old RDB', () => {
  const dir = withTempDir();

  test.concurrent.for(SIDES.flatMap((side) => PARTS.map((part) => ({ side, part }))))(
    'the $side, at every third point from the $part: suspect, the other side keeps what it holds; restored, both are alike (L2, L5, L8)',
    { timeout: SECONDS * 1_000 },
    async ({ side, part }, context) => {
      const servers = await makeServers(`rdb-${part}-${side}`, dir.path, {}, context);
      let sync = await servers.place.start();
      const points = pointsOf('server killed, RDB').filter((_point, i) => PARTS[i % PARTS.length] === part);
      for (const point of points)
        await named(labelOf(point), async () => {
          sync = await loseSince(servers, sync, side, point);
        });
      await servers.place.synced();
    },
  );
});

type Losing = PointIn<'live' | 'again'>;

/** Everything has been carried when the server dies: what it alone had, nobody could bring back. */
async function loseSince(
  servers: FaultServers,
  sync: SyncProcess,
  side: Side,
  point: Losing,
): Promise<SyncProcess> {
  const { place } = servers;
  await sync.live();
  const goOn = await carriedSinceSave(servers, side, point);
  const at = await comeTo(servers, sync, point);
  await struck(place, at, point, { strike: () => servers.kill(side), ends: /closed/ }, [otherSide(side)]);
  await servers.restart(side);
  const suspect = await eventually(
    'its side to be suspect',
    () =>
      at.status()?.suspects?.find((one) => one.side === side && one.reason === REASONS.older) ??
      Promise.reject(new Error(JSON.stringify(at.status()?.suspects))),
    { withinMs: 20_000 },
  );
  const kept = await place.receipts.lost(undefined, [otherSide(side)]);
  if (kept.length > 0) throw new Error(`the other side lost ${kept.join('\n')}`);
  await accept(servers, side, suspect.since);
  await eventually('it to be believed', () => at.status()?.suspects?.length === 0, { withinMs: 20_000 });
  goOn();
  await at.live();
  await place.alike();
  return at;
}

/**
 * It has saved, and since then both have taken what the save does not know, also what tells how far they were. No
 * deletes: a key that comes back and that no ledger knows travels with either decision (docs/limits.md).
 */
async function carriedSinceSave(servers: FaultServers, side: Side, point: Losing): Promise<() => void> {
  const { place, sides } = servers;
  const [before, since] = [`${labelOf(point)}, before the save`, `${labelOf(point)}, since the save`];
  await place.quiet();
  for (const one of SIDES) await place.receipts.put(one, before);
  await place.quiet();
  const witness = keyspaceOf(place.plan.migration).witness(LINK);
  await sides[side].save();
  const { mark: kept } = JSON.parse((await sides[side].get(witness)) ?? '') as WitnessRecord;
  for (const one of SIDES) {
    await place.receipts.put(one, before, 'anew');
    await place.receipts.put(one, since);
  }
  const goOn = await place.quiet();
  await eventually('the other side to know of more than was saved', async () => {
    const record = JSON.parse((await sides[otherSide(side)].get(witness)) ?? '{}') as Partial<WitnessRecord>;
    return (record.sides?.[side]?.mark ?? '') > kept;
  });
  return goOn;
}

/** A new attempt comes to the point by itself; a living one when somebody writes what nobody will miss. */
async function comeTo(servers: FaultServers, sync: SyncProcess, point: Losing): Promise<SyncProcess> {
  const { place } = servers;
  if (isOfBeginning(point)) {
    await sync.kill();
    return place.start({ trap: trapAt(point) });
  }
  sync.setTrap(trapAt(point));
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
  return sync;
}

async function writeFor({ place, sides }: FaultServers, { step }: Losing, n: number): Promise<void> {
  const { migration } = place.plan;
  if (step === 'quarantined') await sides.source.set(`${migration}:d:bad`, `{"offers":[${n}],"offres":[0]}`);
  else if (step === 'shadow built')
    await sides.source.set(`${migration}:s:large trigger`, String(n).padEnd(LARGE_BYTES));
  else await sides[step.endsWith('source') ? 'target' : 'source'].set(`${migration}:s:trigger`, n);
}

async function accept({ place, sides }: FaultServers, side: Side, since: number): Promise<void> {
  const keyspace = keyspaceOf(place.plan.migration);
  await writeControl(sides.target, keyspace, LINK, {
    accept: { [side]: { word: 'restore', sinces: [since] } },
  });
}
