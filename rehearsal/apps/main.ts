import { setInterval, setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { canaryApp } from './canary.ts';
import { openWriteLog } from './log.ts';
import { nextenApp } from './nexten-app.ts';
import type { Answer, AppsConfiguration, Order } from './orders.ts';
import { followAuthority, type Route } from './route.ts';
import { createTally } from './tally.ts';
import { type Follow, type AppTraffic, appTraffic } from './traffic.ts';
import { v1App } from './v1-app.ts';

/**
 * The process of the three apps. It knows only what real services would know: the addresses of their stores, and the
 * authority record in their own database.
 */

const AUTHORITY_EVERY_MS = 100;
/**
 * Time for which an old instance of V1 goes on writing to V1 after the switch, ms. The fence must refuse its writes.
 */
const STALE_INSTANCE_MS = 2_000;
const RATES = { v1: 150, nexten: 70, canary: 30 } as const;

type Apps = {
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly tally: ReturnType<typeof createTally>;
};

async function assemble({ base, keys, logFile, urls }: AppsConfiguration): Promise<Apps> {
  const log = openWriteLog(logFile);
  const tally = createTally();
  const [v1, nexten, v2ForV1, v2ForNexten, v2] = await Promise.all([
    open(urls.v1, 'v1-app'),
    open(urls.nexten, 'nexten-app'),
    open(urls.v2, 'v1-app'),
    open(urls.v2, 'nexten-app'),
    open(urls.v2, 'canary'),
  ]);
  const routes = { v1: followAuthority(v1), nexten: followAuthority(nexten), canary: followAuthority(v2) };
  const v1Traffic = appTraffic('v1', { source: v1, target: v2ForV1, route: routes.v1, log }, tally);
  const nextenTraffic = appTraffic(
    'nexten',
    { source: nexten, target: v2ForNexten, route: routes.nexten, log },
    tally,
  );
  const canaryTraffic = appTraffic('canary', { source: v2, target: v2, route: routes.canary, log }, tally);
  const requests = {
    v1: v1App(base, keys, tally, withStaleInstance(v1Traffic, routes.v1)),
    nexten: nextenApp(base, tally, nextenTraffic.follow),
    canary: canaryApp(base, keys, tally, canaryTraffic, routes.canary.known),
  };
  const run = async (signal: AbortSignal) => {
    await Promise.all([
      ...Object.values(routes).map((route) => keepAsking(route, signal)),
      atRate(RATES.v1, 24, requests.v1, signal),
      atRate(RATES.nexten, 12, requests.nexten, signal),
      // One request at a time, because the transactions of the canary share a connection.
      atRate(RATES.canary, 1, requests.canary, signal),
    ]);
  };
  return { run, tally };
}

function withStaleInstance(traffic: AppTraffic, route: Route): Follow {
  let switchedAt: number | null = null;
  return async (write) => {
    const { side } = route.known();
    if (side === 'source') switchedAt = null;
    else switchedAt ??= Date.now();
    const stale = switchedAt !== null && write.n % 20 === 0 && Date.now() - switchedAt < STALE_INSTANCE_MS;
    if (!stale) return traffic.follow(write);
    const outcome = await traffic.once('source', write);
    return outcome === 'refused' ? traffic.follow(write) : outcome;
  };
}

/**
 * Opens a connection. When no answer comes within five seconds, the app does not know whether the write happened; a
 * real user would not know it either.
 */
async function open(url: string, name: string): Promise<Redis> {
  const redis = new Redis(url, {
    protocol: 2,
    lazyConnect: true,
    connectionName: name,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 5_000,
    retryStrategy: () => 100,
  });
  redis.on('error', () => {});
  await redis.connect();
  return redis;
}

async function keepAsking(route: Route, signal: AbortSignal): Promise<void> {
  for await (const _ of setInterval(AUTHORITY_EVERY_MS)) {
    if (signal.aborted) return;
    await route.refresh();
  }
}

/** Follows the orders of the rehearsal until it ends. Returns an exit code at once; the process lives on. */
export function obey(): number {
  let apps: Apps | null = null;
  let stop = new AbortController();
  let running = Promise.resolve();
  const tell = (answer: Answer) => void process.send?.(answer);
  const start = () => {
    stop = new AbortController();
    running = apps?.run(stop.signal) ?? Promise.resolve();
    tell({ answer: 'running' });
  };
  const follow = async (message: Order): Promise<void> => {
    switch (message.order) {
      case 'begin':
        apps = await assemble(message.configuration);
        return start();
      case 'resume':
        return start();
      case 'pause':
        stop.abort();
        await running;
        return tell({ answer: 'paused' });
      case 'tally':
        if (apps) tell({ answer: 'tally', numbers: apps.tally.numbers() });
    }
  };
  process.on('message', (message) => void follow(message as Order));
  // The rehearsal has ended, so its apps end too.
  process.on('disconnect', () => process.exit(0));
  return 0;
}

const TICK_MS = 10;

/**
 * Sends requests at a steady rate. While `mostUnderWay` requests are under way it adds none: users wait, they do not
 * pile up.
 */
async function atRate(
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
