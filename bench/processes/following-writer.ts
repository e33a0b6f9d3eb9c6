import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { AUTHORITY_KEY } from '../../domain/keys/keyspace.ts';
import { connectTo } from '../connection.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { serve } from './serve.ts';

type SideName = 'source' | 'target';

export type FollowingInput = {
  readonly urls: Readonly<Record<SideName, string>>;
  readonly perSecond: number;
  /** `record`: ask the authority record of V2 which side serves, as apps have to. `retry`: just try the other side. */
  readonly follow: 'record' | 'retry';
};

/** A write: when it was first tried, ms since the epoch, and how long it took until a server acknowledged it, ms. */
export type Tried = { readonly atMs: number; readonly waitMs: number };

export type Followed = {
  readonly writes: readonly Tried[];
  /** Key → its last acknowledged value. */
  readonly acknowledged: Readonly<Record<string, string>>;
};

/** With this many keys, a write that waits is acknowledged before the next write of the same key is due. */
const KEYS = 5_000;

/**
 * An app that writes at an even pace. When a write is refused, the app finds out which side serves. The wait of a write
 * is what a switch costs the apps.
 */
serve<FollowingInput, never, Followed>(async ({ urls, perSecond, follow }, _say, signal) => {
  const sides = { source: await connectTo(urls.source), target: await connectTo(urls.target) };
  const writes: Tried[] = [];
  const acknowledged: Record<string, string> = {};
  const open = new Set<Promise<void>>();
  let side: SideName = 'source';
  let refused: Promise<void> | null = null;
  /** Only one of the refused writes tries again. The others wait until it is accepted, as requests of an app would. */
  const insist = async (key: string, value: string): Promise<void> => {
    do {
      side = await elsewhere(sides.target, side, follow);
      await delay(1);
    } while (!(await accepted(sides[side], key, value)));
    refused = null;
  };
  const write = async (turn: number): Promise<void> => {
    const [key, value] = [`${KEY_PREFIX}text:app-${turn % KEYS}`, `value ${turn}`];
    const began = now();
    for (;;) {
      await refused;
      if (await accepted(sides[side], key, value)) break;
      if (refused) continue;
      refused = insist(key, value);
      await refused;
      break;
    }
    writes.push({ atMs: began, waitMs: now() - began });
    acknowledged[key] = value;
  };
  const start = now();
  for (let turn = 0; !signal.aborted; await delay(1)) {
    const due = Math.floor(((now() - start) / 1_000) * perSecond);
    for (; turn < due; turn++) {
      const one = write(turn).finally(() => open.delete(one));
      open.add(one);
    }
  }
  await Promise.all(open);
  for (const redis of Object.values(sides)) redis.disconnect();
  return { writes, acknowledged };
});

async function accepted(redis: Redis, key: string, value: string): Promise<boolean> {
  try {
    await redis.set(key, value);
    return true;
  } catch (error) {
    if (/NOPERM|READONLY|REDIRECT|UNBLOCKED/.test(String(error))) return false;
    throw error;
  }
}

async function elsewhere(
  target: Redis,
  refused: SideName,
  follow: FollowingInput['follow'],
): Promise<SideName> {
  if (follow === 'retry') return refused === 'source' ? 'target' : 'source';
  return (await target.hget(AUTHORITY_KEY, 'authority')) === 'target' ? 'target' : 'source';
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
