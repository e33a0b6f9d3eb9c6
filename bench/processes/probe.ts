import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../connection.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { serve } from './serve.ts';

/** One direction that is probed: markers are written at `from` and looked for at `to`. */
export type Direction = { readonly name: string; readonly from: string; readonly to: string };

export type ProbeInput = {
  readonly directions: readonly Direction[];
  readonly perSecond: number;
  readonly seconds: number;
};

/** A marker: when it was sent and when it was visible on the other side, ms since the epoch. */
export type Marker = { readonly sentAt: number; readonly seenAt: number };

export type Probed = {
  readonly markers: readonly Marker[];
  /** Sent, never seen. */
  readonly lost: number;
};

const PATIENCE_MS = 15_000;

/**
 * The outside view of lag: in a process of its own, a marker key of its own for each look, written on one server and
 * awaited on the other by CLIENT TRACKING of the markers' prefix there. From *before* the write is sent to the moment
 * the event is read: the write's own way and the probe's event loop are in it, for every contender alike. It costs the
 * servers one SET and one message a marker. Markers that are stopped early end the looks, not the wait for those sent.
 */
serve<ProbeInput, 'open', Probed>(async ({ directions, perSecond, seconds }, say, signal) => {
  const probes = await Promise.all(directions.map((direction) => openProbe(direction)));
  say('open');
  const until = now() + seconds * 1_000;
  await Promise.all(probes.map(({ look }) => look(until, perSecond / directions.length, signal)));
  const deadline = now() + PATIENCE_MS;
  const lost = () => probes.reduce((sum, { open }) => sum + open.size, 0);
  while (lost() > 0 && now() < deadline) await delay(10);
  for (const probe of probes) probe.close();
  return { markers: probes.flatMap(({ markers }) => markers), lost: lost() };
});

/** Wall clock with fractions, so that times of several processes can be put side by side. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

async function openProbe({ name, from, to }: Direction) {
  const [writer, tracker, subscriber] = await Promise.all([from, to, to].map(connectTo));
  if (!writer || !tracker || !subscriber) throw new Error('no connection');
  const prefix = `${KEY_PREFIX}text:probe-${name}-`;
  const open = new Map<string, number>();
  const markers: Marker[] = [];
  await hear(tracker, subscriber, prefix, (key) => {
    const sentAt = open.get(key);
    if (sentAt === undefined) return;
    open.delete(key);
    markers.push({ sentAt, seenAt: now() });
  });
  const look = async (until: number, perSecond: number, signal: AbortSignal) => {
    for (let n = 0; now() < until && !signal.aborted; n++) {
      const key = `${prefix}${n}`;
      open.set(key, now());
      void writer.set(key, n).catch(() => undefined);
      // Uneven on purpose: an even beat could march in step with somebody's timer.
      await delay((Math.random() * 2_000) / perSecond);
    }
  };
  const close = () => {
    for (const redis of [writer, tracker, subscriber]) redis.disconnect();
  };
  return { look, open, markers, close };
}

async function hear(tracker: Redis, subscriber: Redis, prefix: string, seen: (key: string) => void) {
  const id = String(await subscriber.client('ID'));
  await subscriber.subscribe('__redis__:invalidate');
  subscriber.on('messageBuffer', (_channel: Buffer, keys: Buffer[] | null) => {
    for (const key of keys ?? []) seen(key.toString());
  });
  await tracker.call('CLIENT', ['TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', prefix]);
}
