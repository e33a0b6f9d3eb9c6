import { beforeAll, describe, test, type TestContext, vi } from 'vitest';
import type { Side } from '../../../domain/plan/plan.ts';
import { claimed } from '../../support/worlds/claimed.ts';
import { FULL } from '../../lanes/proofs.ts';
import { makePlace } from '../../support/faults/fault-place.ts';
import { EVERY_POINT, FEW_POINTS, type FaultName, type Point } from '../../support/faults/fault-points.ts';
import { type Fault, startFaultProxy } from '../../support/faults/fault-proxy.ts';
import { type Blow, named, trapFor, walk } from '../../support/faults/fault-walk.ts';
import { withRedis } from '../../support/servers/redis.ts';

const WHOLE = [
  { name: 'cut', fault: { kind: 'cut' } },
  { name: 'black hole', fault: { kind: 'black hole' } },
  { name: 'half open', fault: { kind: 'half open', deaf: 'server' } },
  { name: 'half open', fault: { kind: 'half open', deaf: 'client' } },
  { name: '1 byte/s', fault: { kind: 'slow', bytesPerSecond: 1 } },
] as const satisfies readonly { readonly name: FaultName; readonly fault: Fault }[];
/** Faults of some connections only, or in the middle of a request or a reply. */
const PARTIAL: readonly (readonly [Fault, RegExp?])[] = [
  [{ kind: 'cut after', bytes: 1_000, to: 'server' }],
  [{ kind: 'cut after', bytes: 1_000, to: 'client' }],
  [{ kind: 'cut' }, /feed$/],
  [{ kind: 'half open', deaf: 'client' }, /feed$/],
  [{ kind: 'cut' }, /data$/],
  [{ kind: 'black hole' }, /data$/],
  [{ kind: 'half open', deaf: 'client' }, /data$/],
  [{ kind: 'black hole' }, /tracker$/],
];
const SIDES = ['source', 'target'] as const;
/** How an attempt ends that has waited too long: for a reply, for a heartbeat, or for a connection. */
const SILENT = /^LineSilent|^StoreUnreachable: store v[12]: no answer|is silent|closed/;
const ENDS = {
  cut: /^Error: Connection is closed|^FeedLost: the feed connection closed/,
  'black hole': SILENT,
  'half open': SILENT,
  '1 byte/s': SILENT,
} as const;
const ALL = WHOLE.flatMap((one, i) =>
  SIDES.filter((_side, j) => FULL || i % 2 === j).map((side) => ({ ...one, side })),
);
const POINTS = FULL ? EVERY_POINT : FEW_POINTS;
/** Production waits longer; the order of the waits is the same. */
const PATIENCE = { connectMs: 700, replyMs: 700, silenceMs: 1_500 };
/** The pause between two writes of an app. It is long because many places run at once on one machine. */
const REST_MS = 50;

// The tests mostly wait, so many can run at once.
vi.setConfig({ maxConcurrency: 12 });

describe('a line that breaks', () => {
  const [v1, v2] = [withRedis(), withRedis()];
  const sides = () => ({ source: v1.client, target: v2.client });
  const ports = () => ({ source: v1.server.port, target: v2.server.port });
  beforeAll(() => claimed(v1.client, v2.client));
  /** A place whose sync reaches one side through a proxy, and a function that makes a `Blow` of a fault there. */
  const proxied = async (name: string, side: Side, context: TestContext) => {
    const proxy = await startFaultProxy(ports()[side]);
    context.onTestFinished(() => proxy.stop());
    const through = { ...ports(), [side]: proxy.port };
    const blow = (fault: Fault, only?: RegExp): Blow => ({
      strike: () => proxy.set(fault, only),
      mend: () => proxy.set({ kind: 'none' }),
      ends: SILENT,
    });
    return { place: makePlace(name, sides(), ports(), context, { through, restMs: REST_MS }), blow };
  };

  test.concurrent.for(ALL)(
    'to the $side, $fault, at each point: noticed in time, synced again, nothing lost (L2, L8)',
    async ({ name, fault, side }, context) => {
      const prefix = `${Object.values(fault).join(' ')} ${side}`;
      const { place, blow } = await proxied(prefix, side, context);
      // A cut is noticed at once, so it needs no shorter waits.
      const how = fault.kind === 'cut' ? {} : { patience: PATIENCE };
      const start = (first: Point) => place.start({ ...trapFor(first), ...how });
      await walk(place, start, { ...blow(fault), ends: ENDS[name] }, POINTS);
      await place.synced();
    },
  );

  test.runIf(FULL).concurrent.for(SIDES)(
    'to the %s, of its feed, data or tracker alone, or in the middle of a request or reply: noticed in time, nothing lost (L2, L8)',
    async (side, context) => {
      const { place, blow } = await proxied(`partial ${side}`, side, context);
      const sync = await place.start({ patience: PATIENCE });
      await sync.live();
      for (const [fault, only] of PARTIAL)
        await named(`${JSON.stringify(fault)} of ${only ?? 'all'}`, () =>
          walk(place, () => Promise.resolve(sync), blow(fault, only), FEW_POINTS),
        );
      await place.synced();
    },
  );
});
