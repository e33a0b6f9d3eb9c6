import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { AUTHORITY_KEY } from '../../domain/keyspace.ts';
import { connectTo } from '../connection.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { serve } from './serve.ts';

type SideName = 'source' | 'target';

export type FollowingInput = {
  readonly urls: Readonly<Record<SideName, string>>;
  readonly perSecond: number;
  /** `record`: ask V2's authority record who serves, as our contract with apps says; `retry`: just try the other. */
  readonly follow: 'record' | 'retry';
};

/** A write: when it was first tried, ms since the epoch, and how long until somebody acknowledged it. */
export type Tried = { readonly atMs: number; readonly waitMs: number };

export type Followed = {
  readonly writes: readonly Tried[];
  /** Key → its last acknowledged value. */
  readonly acknowledged: Readonly<Record<string, string>>;
};

/** So many keys that a write which waits for its turn is not overtaken by the next one of its key. */
const KEYS = 5_000;

/**
 * An app outside of everything, that writes at an even pace and asks who serves when it is refused. What it waits is
 * what the switch costs the apps.
 */
serve<FollowingInput, never, Followed>(async ({ urls, perSecond, follow }, _say, signal) => {
  const sides = { source: await connectTo(urls.source), target: await connectTo(urls.target) };
  const writes: Tried[] = [];
  const acknowledged: Record<string, string> = {};
  const open = new Set<Promise<void>>();
  let side: SideName = 'source';
  let refused: Promise<void> | null = null;
  /** One of those that were refused goes on asking; the others wait for it, as behind the route of an app. */
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
