import { describe, test } from 'vitest';
import { HALVES, type Point, pointsIn } from '../../support/faults/fault-points.ts';
import { makeServers } from '../../support/faults/fault-servers.ts';
import { trapFor, walk } from '../../support/faults/fault-walk.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const CONFIG = { appendonly: 'yes', appendfsync: 'always' };
const OLD = Array.from({ length: 2_000 }, (_key, i) => `old ${i}`);
const SIDES = ['source', 'target'] as const;
const SECONDS = 240;

describe('a server with an append-only file, killed -9, that comes back on the same port', () => {
  const dir = withTempDir();

  test.concurrent.for(SIDES.flatMap((side) => HALVES.map((half) => ({ side, half }))))(
    'the $side, at every point of $half: synced again, nothing lost (L2, L8)',
    { timeout: SECONDS * 1_000 },
    async ({ side, half }, context) => {
      const name = `kept-${half.join('-')}-${side}`;
      const { place, kill, restart } = await makeServers(name, dir.path, CONFIG, context);
      await place.receipts.putAll('source', OLD);
      const start = (first: Point) => place.start(trapFor(first));
      const blow = { strike: () => kill(side), mend: () => restart(side), ends: /closed/ };
      await walk(place, start, blow, pointsIn(...half));
      await place.synced();
    },
  );
});
