import { beforeAll, describe, test } from 'vitest';
import { claimed } from '../../support/claimed.ts';
import { eventually } from '../../support/eventually.ts';
import { makePlace } from '../../support/fault-place.ts';
import { monitor } from '../../support/monitor.ts';
import { withRedis } from '../../support/redis.ts';
import { linesOf, startBait, writesOf } from '../../support/zombie.ts';

const WRITE_POINTS = [
  'keys read',
  'before apply source',
  'before apply target',
  'applied source',
  'applied target',
  'quarantined',
] as const;
/** Shorter than the stop, as those of production are shorter than a stop that a heartbeat timeout ends. */
const PATIENCE = { connectMs: 2_000, replyMs: 2_000, silenceMs: 2_500 };
const STOPPED_MS = 3_000;
const SECONDS = 180;

describe('a worker that is stopped for longer than every timeout, and then goes on', () => {
  const [v1, v2] = [withRedis(), withRedis()];
  beforeAll(() => claimed(v1.client, v2.client));

  test(
    'at every write point is fenced out by the servers and changes nothing; the next one loses nothing (L1, L8)',
    async (context) => {
      const sides = { source: v1.client, target: v2.client };
      const place = makePlace('zombie', sides, { source: v1.server.port, target: v2.server.port }, context);
      let zombie = await place.start({ patience: PATIENCE });
      for (const step of WRITE_POINTS) {
        await zombie.live();
        const bait = startBait(Object.values(sides), `zombie:s:${step}`);
        zombie.setTrap({ step, signal: 'SIGSTOP' });
        await zombie.trapped(step);
        await bait.enough();
        const [stopped, ended] = [performance.now(), zombie.ended.length];
        const lines = [await linesOf(v1.client), await linesOf(v2.client)];
        const next = await place.start({ patience: PATIENCE });
        await next.live();
        await bait.takeAway();
        await eventually('the end of its patience', () => performance.now() - stopped > STOPPED_MS);
        const watches = [await monitor(v1.server.port), await monitor(v2.server.port)];
        zombie.signal('SIGCONT');
        await eventually('the end of the zombie', () => zombie.ended.length > ended);
        const seen = watches.map((watch) => watch.lines());
        for (const watch of watches) watch.stop();
        context.expect(lines.every((each) => each.size > 0)).toBe(true);
        context.expect(lines.flatMap((each, i) => writesOf(seen[i] ?? [], each))).toEqual([]);
        context.expect(seen.every((each) => each.length > 0)).toBe(true);
        await zombie.kill();
        zombie = next;
      }
      await place.synced();
    },
    SECONDS * 1_000,
  );
});
