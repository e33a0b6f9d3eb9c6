/**
 * An app that renews the expiry of its sessions all the time. It is a process of its own. In the process of a test it
 * might get too little CPU time, renew too late and lose the sessions itself. `startSlidingApp` runs it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../servers/redis.ts';
import { sessionName, type Sliding } from './start-sliding-app.ts';

/** The keys are renewed in this many slices, so that each key is renewed once in the period. */
const SLICES = 100;

/** Expiry that the last renewal sets, ms. It is long enough to count the sessions, also on a slow machine. */
const AT_LAST_MS = 60_000;

/** Renews the sessions. In the first periods one in twenty logs out, and one in twenty is not renewed any more. */
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
    // Take the pause from the clock. So a late turn does not make the later ones late.
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
// If the test is killed, this process must end too.
process.on('disconnect', () => process.exit(0));
