/**
 * The process of the three apps. It knows nothing of the migration but what real services would: their stores'
 * addresses and the authority record in their own database.
 */
import { setInterval } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { canaryApp } from './canary.ts';
import { openWriteLog } from './log.ts';
import { nextenApp } from './nexten-app.ts';
import type { Answer, AppsConfiguration, Order } from './orders.ts';
import { atRate } from './pace.ts';
import { followAuthority, type Route } from './route.ts';
import { createTally } from './tally.ts';
import { type Follow, type Traffic, trafficOf } from './traffic.ts';
import { v1App } from './v1-app.ts';

const AUTHORITY_EVERY_MS = 100;
/** An old instance of V1 goes on writing to V1 for a while after the switch: the fence must refuse it. */
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
  const v1Traffic = trafficOf('v1', { source: v1, target: v2ForV1, route: routes.v1, log }, tally);
  const nextenTraffic = trafficOf(
    'nexten',
    { source: nexten, target: v2ForNexten, route: routes.nexten, log },
    tally,
  );
  const canaryTraffic = trafficOf('canary', { source: v2, target: v2, route: routes.canary, log }, tally);
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
      // One at a time, because its transactions share a connection.
      atRate(RATES.canary, 1, requests.canary, signal),
    ]);
  };
  return { run, tally };
}

function withStaleInstance(traffic: Traffic, route: Route): Follow {
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

/** A request that got no answer within five seconds is of unknown fate, as it would be for a user. */
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

function obey(): void {
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
  // The rehearsal is gone: so are its apps.
  process.on('disconnect', () => process.exit(0));
}

obey();
