import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { FULL } from '../../lanes/proofs.ts';
import { isOfBeginning, type Mode, type Point, pointsIn } from '../../support/faults/fault-points.ts';
import { type FaultServers, makeServers } from '../../support/faults/fault-servers.ts';
import { labelOf, writeAt, named, openSides, provoke, underDrain } from '../../support/faults/fault-walk.ts';
import { monitor } from '../../support/servers/monitor.ts';
import type { SyncProcess } from '../../support/processes/start-sync-process.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { linesOf, startBait, writesOf } from '../../support/processes/zombie.ts';

/** Shorter than the stop. In production, too, the waits are shorter than a stop that Temporal's timeout notices. */
const PATIENCE = { connectMs: 2_000, replyMs: 2_000, silenceMs: 2_500 };
const STOPPED_MS = 3_000;
/** How a zombie ends: by the lease, or because one of its waits has run out. */
const FENCED_OUT = /^LeaseLost|^FeedLost|^LineSilent|Connection is closed/;
const OLD = Array.from({ length: 1_000 }, (_key, i) => `old ${i}`);
const SIDES = ['source', 'target'] as const;

type Zombie = {
  readonly point: Point;
  readonly sync: SyncProcess;
  readonly ended: number;
  /** The addresses of its connections to each side. */
  readonly lines: readonly ReadonlySet<string>[];
  readonly bait: ReturnType<typeof startBait>;
};

/** These run side by side, each on servers of its own. */
const ALL = (
  [{ modes: ['copy'] }, { modes: ['live', 'again'] }, { modes: ['drain'] }] as const satisfies readonly {
    readonly modes: readonly Mode[];
  }[]
).filter(({ modes: [mode] }) => FULL || mode === 'drain');
const strikes = (step: string) => FULL || ['before apply target', 'applied target', 'drained'].includes(step);

describe('a worker that is stopped for longer than every timeout, and then goes on', () => {
  const dir = withTempDir();

  test.concurrent.for(ALL)(
    'at each write point is fenced out by the servers and changes nothing; the next one loses nothing (L1, L8)',
    async ({ modes }, context) => {
      const servers = await makeServers(`zombies-${modes.join('-')}`, dir.path, {}, context);
      await servers.place.receipts.putAll('source', OLD);
      const zombies: Zombie[] = [];
      let answered: () => Promise<void> = () => Promise.resolve();
      for (const point of pointsIn(...modes).filter(({ step }) => strikes(step)))
        await named(labelOf(point), async () => {
          const before = SIDES.map((_side, i) => zombies.flatMap(({ lines }) => [...(lines[i] ?? [])]));
          const [zombie, asked] = await stopAt(servers, point, answered, before);
          zombies.push(zombie);
          answered = asked;
        });
      const stopped = performance.now();
      const last = await servers.place.start({ patience: PATIENCE });
      await last.live();
      await answered();
      for (const { bait } of zombies) await bait.takeAway();
      await eventually('the end of their patience', () => performance.now() - stopped > STOPPED_MS);
      await awaken(servers, zombies);
      await Promise.all(zombies.map(({ sync }) => sync.kill()));
      await last.live();
      await servers.place.synced();
    },
  );
});

/** Starts a process that takes over from the stopped one. Then it stops itself at its own point. */
async function stopAt(
  { place, sides }: FaultServers,
  point: Point,
  answered: () => Promise<void>,
  before: readonly (readonly string[])[],
): Promise<readonly [Zombie, () => Promise<void>]> {
  const trap = { step: point.step, signal: 'SIGSTOP' } as const;
  const early = isOfBeginning(point);
  const sync = await place.start({ patience: PATIENCE, ...(early && { trap }) });
  if (!early) await sync.live();
  await answered();
  const bait = startBait(
    Object.values(sides),
    `${place.plan.migration}:s:bait ${labelOf(point)}`,
    // During the first copy a new key on V2 may be taken for a baseline key, which does not travel.
    point.mode === 'copy' ? [sides.source] : openSides(point).map((side) => sides[side]),
  );
  const set = () => sync.setTrap(trap);
  const asked = point.mode === 'drain' ? await underDrain(place, point, set) : () => Promise.resolve();
  if (point.mode === 'live') set();
  if (point.mode !== 'drain') await provoke(place, point);
  try {
    await sync.trapped(point.step);
  } finally {
    await bait.enough();
  }
  await writeAt(place, point);
  const found = await Promise.all(SIDES.map((side) => linesOf(sides[side])));
  // Compared for each side: a connection to one server may have the same address as an earlier one to the other server.
  const lines = found.map((each, i) => new Set([...each].filter((line) => !before[i]?.includes(line))));
  return [{ point, sync, ended: sync.ended.length, lines, bait }, asked];
}

/** Wakes all zombies at once. MONITOR on the servers shows which commands they still send. */
async function awaken({ ports }: FaultServers, zombies: readonly Zombie[]): Promise<void> {
  const watches = await Promise.all(SIDES.map((side) => monitor(ports[side])));
  for (const { sync } of zombies) sync.signal('SIGCONT');
  for (const { point, sync, ended } of zombies)
    await eventually(`the end of the one of ${labelOf(point)}`, () => sync.ended.length > ended);
  const seen = watches.map((watch) => watch.lines());
  for (const watch of watches) watch.stop();
  expect(seen.every((each) => each.length > 0)).toBe(true);
  for (const { point, sync, ended, lines } of zombies) {
    expect([labelOf(point), lines.every((each) => each.size > 3)]).toEqual([labelOf(point), true]);
    const written = lines.flatMap((each, i) => writesOf(seen[i] ?? [], each));
    expect([labelOf(point), written]).toEqual([labelOf(point), []]);
    expect([labelOf(point), sync.ended[ended]]).toEqual([labelOf(point), expect.stringMatching(FENCED_OUT)]);
  }
}
