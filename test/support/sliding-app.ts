/** Sessions that slide, in a process of its own: an app that is starved by what it is measured beside would lose them itself. Run by `startSlidingApp`. */
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from './redis.ts';
import { sessionName, type Sliding } from './start-sliding-app.ts';

/** Renewals go in slices, so that each key's turn comes once in the period. */
const SLICES = 100;

/** Long enough to be counted, also on a slow machine. */
const AT_LAST_MS = 60_000;

/** One in twenty logs out, one in twenty falls asleep, in the first periods. */
async function slide({ port, keys, ttlMs, everyMs }: Sliding, stopped: () => boolean): Promise<void> {
  const redis = await connectTo(port);
  const renew = async (turn: number, ms: number) => {
    const [slice, round] = [turn % SLICES, Math.floor(turn / SLICES)];
    const pipeline = redis.pipeline();
    for (let key = slice; key < keys; key += SLICES) {
      const nth = Math.floor(key / SLICES);
      const over = round >= nth % 4;
      if (nth % 20 === 1 && over) pipeline.del(sessionName(key));
      else if (nth % 20 !== 2 || !over) pipeline.pexpire(sessionName(key), ms);
    }
    await pipeline.exec();
  };
  const began = performance.now();
  let turn = 0;
  for (; !stopped(); turn++) {
    await renew(turn, ttlMs);
    // By the clock, so that a late turn makes none after it late.
    await delay(Math.max(0, began + ((turn + 1) * everyMs) / SLICES - performance.now()));
  }
  for (const last = turn + SLICES; turn < last; turn++) await renew(turn, AT_LAST_MS);
  redis.disconnect();
}

let stop = false;
process.once('message', (sliding: Sliding) => {
  process.once('message', () => (stop = true));
  void slide(sliding, () => stop).then(() => process.disconnect());
});
process.send?.('ready');
// A test that is killed must not leave its app behind.
process.on('disconnect', () => process.exit(0));
