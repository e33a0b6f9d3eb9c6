import { describe, test } from 'vitest';
import { FULL } from '../../lanes/proofs.ts';
import { FEW_POINTS, HALVES, type Point, pointsIn } from '../../support/faults/fault-points.ts';
import { makeServers } from '../../support/faults/fault-servers.ts';
import { trapFor, walk } from '../../support/faults/fault-walk.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const CONFIG = { appendonly: 'yes', appendfsync: 'always' };
const OLD = Array.from({ length: 2_000 }, (_key, i) => `old ${i}`);
const WALKS = (['source', 'target'] as const)
  .flatMap((side) => HALVES.map((half) => ({ side, half })))
  .filter(({ side, half: [mode] }) => FULL || (side === 'target' && mode === 'copy'));

describe('a server with an append-only file, killed -9, that comes back on the same port', () => {
  const dir = withTempDir();

  test.concurrent.for(WALKS)(
    'the $side, at the points of $half: synced again, nothing lost (L2, L8)',
    async ({ side, half }, context) => {
      const name = `kept-${half.join('-')}-${side}`;
      const { place, kill, restart } = await makeServers(name, dir.path, CONFIG, context);
      await place.receipts.putAll('source', OLD);
      const start = (first: Point) => place.start(trapFor(first));
      const blow = { strike: () => kill(side), mend: () => restart(side), ends: /closed/ };
      await walk(place, start, blow, FULL ? pointsIn(...half) : FEW_POINTS);
      await place.synced();
    },
  );
});
