import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks every `everyMs` until the answer is neither false nor undefined.
 *
 * @returns that answer
 * @throws Error when `withinMs` is over; the run then gets no figure
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { withinMs = 60_000, everyMs = 20 } = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`);
    await delay(everyMs);
  }
}
