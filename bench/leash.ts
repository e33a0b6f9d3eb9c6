import { setTimeout as delay } from 'node:timers/promises';

const PERIOD_MS = 10;

/**
 * Holds processes to a share of a core each, as if each had a small machine of its own: stopped and continued a hundred
 * times a second, in turns. So workers can be counted on two cores that they share with servers.
 *
 * @param share of a core, 0 to 1
 * @returns lets them go
 */
export function leash(pids: readonly number[], share: number): () => Promise<void> {
  let held = true;
  const turns = pids.map(async (pid, i) => {
    await delay((PERIOD_MS * i) / pids.length);
    while (held) {
      process.kill(pid, 'SIGCONT');
      await delay(PERIOD_MS * share);
      process.kill(pid, 'SIGSTOP');
      await delay(PERIOD_MS * (1 - share));
    }
    process.kill(pid, 'SIGCONT');
  });
  return async () => {
    held = false;
    await Promise.all(turns);
  };
}
