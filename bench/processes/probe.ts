import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../connection.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { serve } from './serve.ts';

/** One direction that is probed. The probe writes markers at `from` and waits for them at `to`. */
export type Direction = { readonly name: string; readonly from: string; readonly to: string };

export type ProbeInput = {
  readonly directions: readonly Direction[];
  readonly perSecond: number;
  readonly seconds: number;
};

/** A marker: when it was sent and when it was seen on the other side, ms since the epoch. */
export type Marker = { readonly sentAt: number; readonly seenAt: number };

export type Probed = {
  readonly markers: readonly Marker[];
  /** How many markers were sent and never seen. */
  readonly lost: number;
};

const PATIENCE_MS = 15_000;

/**
 * Measures the lag from outside, in a process of its own. It writes marker keys on one server, a new key each time. On
 * the other server it waits for them by CLIENT TRACKING of their prefix.
 *
 * The time runs from before the write is sent until the event is read. So it also contains the way of the write and the
 * event loop of the probe, for every contender alike. A marker costs the servers one SET and one message.
 *
 * A stop ends the writing of markers. The probe still waits for those that were sent.
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

/** Wall clock with fractions of a ms, so that times of several processes can be compared. */
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
      // The pauses are random. With even pauses the markers could always come at the same moment of a timer of a
      // contender.
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
