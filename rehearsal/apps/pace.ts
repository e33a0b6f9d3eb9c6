import { setTimeout as delay } from 'node:timers/promises';

const TICK_MS = 10;

/** Requests at a steady rate. While too many are under way, none are added: users wait, they do not pile up. */
export async function atRate(
  perSecond: number,
  mostUnderWay: number,
  request: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const began = Date.now();
  let due = 0;
  while (!signal.aborted) {
    const wanted = ((Date.now() - began) * perSecond) / 1_000;
    for (; due < wanted; due++) {
      if (underWay.size >= mostUnderWay) continue;
      const one = request().finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await delay(TICK_MS);
  }
  await Promise.all(underWay);
}
